"""Batches are the same whoever makes them, wherever training starts, whichever part is asked."""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import fields

import pytest
import torch
from data.sampling.training_case import training_samples, write_split

from cornernet.data.sampling.chunks import Chunk
from cornernet.data.sampling.loader import batches
from cornernet.errors import BadInput

CHUNKS = (2, 3)


@pytest.fixture
def samples(tmp_path):
    return training_samples(write_split(tmp_path, [3, 0, 1, 4, 2, 1, 2]))


def equal(left, right):
    """Whether two runs served the same chunks in the same lists."""
    return [len(chunks) for chunks in left] == [len(chunks) for chunks in right] and all(
        torch.equal(getattr(a, field.name), getattr(b, field.name))
        for mine, others in zip(left, right, strict=True)
        for a, b in zip(mine, others, strict=True)
        for field in fields(Chunk)
    )


def test_positions_run_through_the_epochs(samples):
    """Seven images in batches of five: an epoch ends in the middle of a batch."""
    asked = []

    class Recorder:
        def __len__(self):
            return len(samples)

        def order(self, epoch):
            return samples.order(epoch)

        def sample(self, epoch, index):
            asked.append((epoch, index))
            return samples.sample(epoch, index)

    list(batches(Recorder(), CHUNKS, 0, 7, workers=0))
    expected = [(epoch, int(index)) for epoch in range(5) for index in samples.order(epoch)]
    assert asked == expected


# Workers are processes that import torch: they start as seldom as may be.
@pytest.mark.parametrize(("workers", "starts"), [(0, (0, 4, 6)), (2, (4,))])
def test_a_restart_gets_the_tail_and_workers_make_no_difference(samples, workers, starts):
    torch.manual_seed(1)
    before = torch.get_rng_state()  # is left alone
    whole = list(batches(samples, CHUNKS, 0, 6, workers=0))
    for start in starts:
        assert equal(list(batches(samples, CHUNKS, start, 6, workers=workers)), whole[start:])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("workers", "parts"), [(0, ([1], [0, 1, 2])), (2, ([2, 0],))])
def test_part_of_the_chunks(samples, workers, parts):
    whole = list(batches(samples, (2, 1, 3), 0, 3, workers=0))
    for mine in parts:
        part = list(batches(samples, (2, 1, 3), 0, 3, workers=workers, mine=mine))
        assert equal(part, [[chunks[number] for number in mine] for chunks in whole])
    assert list(batches(samples, (2, 1, 3), 0, 3, workers=workers, mine=[])) == [[], [], []]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_missing_image_is_one_clear_line(tmp_path, workers):
    split = write_split(tmp_path, [1, 1, 1, 1, 1])
    (tmp_path / "3.png").unlink()
    with pytest.raises(BadInput) as caught:
        list(batches(training_samples(split), CHUNKS, 0, 2, workers=workers))
    (line,) = caught.value.problems
    assert "3.png" in line
    assert "\n" not in line


def test_workers_outlive_ctrl_c_and_sigterm(samples):
    """The parent handles both: it saves a checkpoint, then closes the loader."""
    served = batches(samples, CHUNKS, 0, 40, workers=2)
    first = [next(served)]
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker.pid, signal.SIGINT)
        os.kill(worker.pid, signal.SIGTERM)
    assert equal(first + list(served), list(batches(samples, CHUNKS, 0, 40, workers=0)))


@pytest.mark.parametrize("workers", [0, 2])
def test_stopping_early_leaves_nothing_behind(samples, workers):
    served = batches(samples, CHUNKS, 0, 1000, workers=workers)
    next(served)
    served.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        threads = [one for one in threading.enumerate() if one.name.startswith("samples")]
        if not threads and not multiprocessing.active_children():
            break
        time.sleep(0.05)
    assert not threads
    assert not multiprocessing.active_children()
