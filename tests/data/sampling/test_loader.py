"""Batches are the same whoever makes them, wherever training starts, whichever part is asked."""

import multiprocessing
import os
import signal
import time

import pytest
import torch
from data.sampling.training_case import training_samples, write_split

from cornernet.data.sampling.loader import batches
from cornernet.errors import BadInput

CHUNKS = (2, 3)


@pytest.fixture
def samples(tmp_path):
    return training_samples(write_split(tmp_path, [3, 0, 1, 4, 2, 1, 2]))


def equal(left, right):
    """Whether two runs served the same chunks in the same lists."""
    return [len(chunks) for chunks in left] == [len(chunks) for chunks in right] and all(
        torch.equal(one, other)
        for mine, others in zip(left, right, strict=True)
        for chunk, same in zip(mine, others, strict=True)
        for one, other in zip(chunk, same, strict=True)
    )


def test_positions_run_through_the_epochs(samples, monkeypatch):
    """Seven images in batches of five: an epoch ends in the middle of a batch."""
    asked, sample = [], samples.sample
    monkeypatch.setattr(samples, "sample", lambda *key: asked.append(key) or sample(*key))
    list(batches(samples, CHUNKS, 0, 7, workers=0))
    expected = [(epoch, int(index)) for epoch in range(5) for index in samples.order(epoch)]
    assert asked == expected


def test_a_restart_gets_the_tail_and_a_process_its_part(samples):
    torch.manual_seed(1)
    before = torch.get_rng_state()  # is left alone
    whole = list(batches(samples, (2, 1, 3), 0, 6, workers=0))
    for start, mine in ((0, None), (4, [1]), (4, [0, 1, 2]), (6, None)):
        part = list(batches(samples, (2, 1, 3), start, 6, workers=0, mine=mine))
        numbers = range(3) if mine is None else mine
        assert equal(part, [[chunks[number] for number in numbers] for chunks in whole[start:]])
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_make_no_difference_outlive_signals_and_end_with_the_loader(samples):
    """Ctrl-C and SIGTERM: the parent handles both, it saves a checkpoint and closes the loader."""
    whole = list(batches(samples, CHUNKS, 0, 40, workers=0))
    served = batches(samples, CHUNKS, 4, 40, workers=2, mine=[1, 0])
    first = next(served)
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker.pid, signal.SIGINT)
        os.kill(worker.pid, signal.SIGTERM)
    part = [first, *(next(served) for _ in range(20))]
    assert equal(part, [chunks[::-1] for chunks in whole[4:25]])
    served.close()  # early
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_missing_image_is_one_clear_line(tmp_path, workers):
    split = write_split(tmp_path, [1, 1, 1, 1, 1])
    (tmp_path / "3.png").unlink()
    with pytest.raises(BadInput) as caught:
        list(batches(training_samples(split), CHUNKS, 0, 2, workers=workers))
    (line,) = caught.value.problems
    assert "3.png" in line
    assert "\n" not in line
