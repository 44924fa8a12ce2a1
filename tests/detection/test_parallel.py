"""Images shared among processes: each once, whatever order they end in.

That the detections are the same on any number of devices is shown in tests/stages/test_pipeline.py.
"""

import os
import time

import pytest

from cornernet.detection.parallel import shared_out
from cornernet.errors import BadInput


def slow_first(share, words):
    """The first share ends last."""
    time.sleep(0.5 if share.number == 0 else 0.0)
    return (share.number, share.device, words, os.getpid())


def refuse(share):
    raise BadInput([f"first problem of {share.device}", "second"])


def end_without_a_word(share):
    os._exit(9)


def test_results_come_in_the_order_of_the_shares_from_processes_of_their_own():
    found = shared_out(["cpu", "other"], slow_first, ["said"])
    assert [part[:3] for part in found] == [(0, "cpu", "said"), (1, "other", "said")]
    assert os.getpid() not in {part[3] for part in found}
    assert shared_out(["cpu"], slow_first, ["said"])[0][3] == os.getpid()  # one needs no other


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (refuse, ["first problem of a", "second"]),
        (end_without_a_word, ["one of 2 processes was killed"]),
    ],
)
def test_what_a_share_refuses_or_dies_of_is_told(work, said):
    with pytest.raises(BadInput) as caught:
        shared_out(["a", "b"], work, [])
    assert len(caught.value.problems) == len(said)
    assert all(words in line for words, line in zip(said, caught.value.problems, strict=True))
