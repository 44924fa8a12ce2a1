"""Images shared among processes: each once, whatever order they end in."""

import os
import time
from dataclasses import dataclass

import pytest

from cornernet.data.coco.split import CocoSplit, Image
from cornernet.detection.parallel import Share, shared_out
from cornernet.errors import BadInput

IDS = (9, 4, 7, 1, 30, 12, 5)


@dataclass(frozen=True)
class NoBoxes:
    image: int


@pytest.fixture
def split(tmp_path):
    images = tuple(Image(identity, f"{identity}.png", 8, 8) for identity in IDS)
    boxes = tuple(NoBoxes(identity) for identity in IDS)
    return CocoSplit("val", tmp_path, images, boxes, (1,), ("a",))


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_every_image_is_in_one_share_with_its_own_boxes(split, count):
    parts = [Share(number, count, "cpu").of(split) for number in range(count)]
    assert sorted(image.id for part in parts for image in part.images) == sorted(IDS)
    for part in parts:
        assert [image.id for image in part.images] == [boxes.image for boxes in part.boxes]
    sizes = [len(part.images) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def slow_first(share, words):
    """The first share ends last."""
    time.sleep(0.5 if share.number == 0 else 0.0)
    return (share.number, share.device, words, os.getpid())


def test_results_come_in_the_order_of_the_shares_from_processes_of_their_own():
    found = shared_out(["cpu", "other"], slow_first, ["said"])
    assert [part[:3] for part in found] == [(0, "cpu", "said"), (1, "other", "said")]
    assert os.getpid() not in {part[3] for part in found}


def test_one_device_needs_no_other_process():
    assert shared_out(["cpu"], slow_first, ["said"])[0][3] == os.getpid()


def refuse(share):
    raise BadInput([f"first problem of {share.device}", "second"])


def end_without_a_word(share):
    os._exit(9)


def test_what_a_share_refuses_is_told():
    with pytest.raises(BadInput) as caught:
        shared_out(["a", "b"], refuse, [])
    assert caught.value.problems == ["first problem of a", "second"]


def test_a_process_that_is_killed_is_told_in_one_line():
    with pytest.raises(BadInput, match="one of 2 processes was killed") as caught:
        shared_out(["a", "b"], end_without_a_word, [])
    assert len(caught.value.problems) == 1
