"""Makes the chunks of each training iteration, in worker processes or in the training's own.

The images of all epochs form one endless sequence: position p is entry p mod n of the order of
epoch p div n, n being the images per epoch. Each sample is asked for by its key (epoch, index), so
that neither the number of workers nor a restart changes it.
"""

import functools
import itertools
import signal
from collections.abc import Iterator, Sequence

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from cornernet.data.sampling.samples import Chunk, TrainingSamples, chunk_of
from cornernet.errors import BadInput

Key = tuple[int, int]  # epoch, index

# Iterations prepared ahead of the one being trained on: one ready, one in the making.
ITERATIONS_AHEAD = 2


def batches(
    samples: TrainingSamples,
    chunks: tuple[int, ...],
    start_iteration: int,
    iterations: int,
    workers: int,
    mine: Sequence[int] | None = None,
) -> Iterator[list[Chunk]]:
    """The chunks of each iteration from `start_iteration` on, up to `iterations` (not included).

    Iteration i, counted from 0, takes positions i x batch to (i + 1) x batch - 1 of the endless
    sequence of epochs, batch being the sum of `chunks`, and fills the chunks with them in order.
    So a run that restarts at iteration k gets what an uninterrupted one would. `workers` processes
    make the samples, in page-locked memory where CUDA is there; 0: this one does. `mine` are the
    numbers of the chunks that this process trains on, in this order; None: all. Raises BadInput if
    an image cannot be read.
    """
    numbers = range(len(chunks)) if mine is None else mine
    todo = range(start_iteration, iterations)
    if not numbers:
        return iter([[] for _ in todo])
    keys = _keys_of_chunks(samples, chunks, todo, numbers)
    loader = DataLoader(
        _Chunks(samples),
        batch_size=None,  # each item is a whole chunk
        sampler=keys,  # type: ignore[arg-type]
        num_workers=workers,
        # A process that has threads (torch's, OpenCV's, the tracker's) must not be forked: a lock
        # that one of them holds at that moment is never let go in the child.
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_quiet_worker,
        prefetch_factor=max(2, -(-ITERATIONS_AHEAD * len(numbers) // workers)) if workers else None,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # else it draws from the training's random state
    )
    return _by_iteration(loader, len(numbers))


def _by_iteration(loader: DataLoader, per_iteration: int) -> Iterator[list[Chunk]]:
    made: list[Chunk] = []
    for chunk in loader:
        if isinstance(chunk, BadInput):
            raise chunk
        made.append(chunk)
        if len(made) == per_iteration:
            yield made
            made = []


def _keys_of_chunks(
    samples: TrainingSamples, chunks: tuple[int, ...], iterations: range, numbers: Sequence[int]
) -> Iterator[list[Key]]:
    """The keys of each chunk: of every iteration, the chunks that `numbers` names."""
    ends = list(itertools.accumulate(chunks, initial=0))
    order = functools.lru_cache(maxsize=1)(samples.order)
    for iteration, number in itertools.product(iterations, numbers):
        places = range(iteration * ends[-1] + ends[number], iteration * ends[-1] + ends[number + 1])
        positions = [divmod(place, len(samples)) for place in places]
        yield [(epoch, int(order(epoch)[position])) for epoch, position in positions]


class _Chunks(Dataset):
    """Chunks by their keys. Bad input is returned: DataLoader would add a traceback to it."""

    def __init__(self, samples: TrainingSamples) -> None:
        self._samples = samples

    def __getitem__(self, keys: list[Key]) -> Chunk | BadInput:
        try:
            return chunk_of([self._samples.sample(epoch, index) for epoch, index in keys])
        except BadInput as error:
            return BadInput(error.problems)


def _quiet_worker(_: int) -> None:
    """One thread per worker, and signals are left to the parent process.

    Ctrl-C reaches the workers too; if they ended, the parent could not finish its iteration.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
