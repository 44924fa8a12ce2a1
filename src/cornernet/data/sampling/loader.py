"""Makes the chunks of each training iteration, in worker processes or in a thread.

The images of all epochs form one endless sequence: position p is entry p mod n of the order of
epoch p div n, n being the images per epoch. Each sample is asked for by its key (epoch, index), so
that neither the number of workers nor a restart changes it.
"""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import cv2
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from cornernet.data.sampling.chunks import Chunk, Sample, chunk_of
from cornernet.errors import BadInput

Key = tuple[int, int]  # epoch, index

# Iterations prepared ahead of the one being trained on: one ready, one in the making.
ITERATIONS_AHEAD = 2


class Source(Protocol):
    """What chunks are made of; see `samples.TrainingSamples`."""

    def __len__(self) -> int: ...

    def order(self, epoch: int) -> NDArray: ...

    def sample(self, epoch: int, index: int) -> Sample: ...


def batches(
    samples: Source,
    chunks: tuple[int, ...],
    start_iteration: int,
    iterations: int,
    workers: int,
    mine: Sequence[int] | None = None,
    pin_memory: bool | None = None,
) -> Iterator[list[Chunk]]:
    """The chunks of each iteration from `start_iteration` on, up to `iterations` (not included).

    Iteration i, counted from 0, takes positions i x batch to (i + 1) x batch - 1 of the endless
    sequence of epochs, batch being the sum of `chunks`, and fills the chunks with them in order.
    So a run that restarts at iteration k gets what an uninterrupted one would.

    Args:
        samples: the training samples.
        chunks: images per chunk.
        start_iteration: how many iterations are done already.
        iterations: how many the whole training has.
        workers: processes that make samples; 0: a thread of this process does, one iteration
            ahead.
        mine: numbers of the chunks that this process trains on, in this order; None: all.
        pin_memory: whether chunks come in page-locked memory; None: where CUDA is there and
            processes make them.

    Raises:
        BadInput: an image cannot be read.
        ValueError: a number in `mine` is no chunk's.
    """
    numbers = range(len(chunks)) if mine is None else mine
    if any(not 0 <= number < len(chunks) for number in numbers):
        raise ValueError(f"mine: {list(mine or ())} are not all chunks of {len(chunks)}")
    keys = _ChunkKeys(samples, chunks, range(start_iteration, iterations), tuple(numbers))
    if not numbers:
        return iter([[] for _ in keys.iterations])
    if workers == 0:
        return _in_thread(samples, keys)
    pinned = torch.cuda.is_available() if pin_memory is None else pin_memory
    return _in_processes(samples, keys, workers, pinned)


class _ChunkKeys:
    """Iterates over the keys of each chunk: of every iteration, the chunks that `numbers` names."""

    def __init__(
        self,
        samples: Source,
        chunks: tuple[int, ...],
        iterations: range,
        numbers: tuple[int, ...],
    ) -> None:
        self._samples = samples
        self._batch = sum(chunks)
        firsts = [sum(chunks[:number]) for number in numbers]
        self._spans = [
            range(first, first + chunks[number])
            for first, number in zip(firsts, numbers, strict=True)
        ]
        self.iterations = iterations

    @property
    def per_iteration(self) -> int:
        return len(self._spans)

    def __iter__(self) -> Iterator[list[Key]]:
        length = len(self._samples)
        known: tuple[int, NDArray] | None = None  # the order of the epoch that positions are in
        for iteration in self.iterations:
            for span in self._spans:
                keys = []
                for place in span:
                    epoch, position = divmod(iteration * self._batch + place, length)
                    if known is None or known[0] != epoch:
                        known = epoch, self._samples.order(epoch)
                    keys.append((epoch, int(known[1][position])))
                yield keys


class _ChunkSource(Dataset):
    """Makes a whole chunk in one worker.

    Bad input is returned, for DataLoader would add the worker's traceback to its message.
    """

    def __init__(self, samples: Source) -> None:
        self._samples = samples

    def __getitems__(self, keys: list[Key]) -> Chunk | BadInput:
        try:
            return chunk_of([self._samples.sample(epoch, index) for epoch, index in keys])
        except BadInput as error:
            return BadInput(error.problems)


def _as_it_is(made: Any) -> Any:
    return made


def _quiet_worker(_: int) -> None:
    """One thread per worker, and signals are left to the parent process.

    Ctrl-C reaches the workers too; if they ended, the parent could not finish its iteration.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _in_processes(
    samples: Source, keys: _ChunkKeys, workers: int, pin_memory: bool
) -> Iterator[list[Chunk]]:
    ahead = ITERATIONS_AHEAD * keys.per_iteration
    loader = DataLoader(
        _ChunkSource(samples),
        batch_sampler=keys,  # type: ignore[arg-type]
        num_workers=workers,
        # A process that has threads (torch's, OpenCV's, the tracker's) must not be forked: a lock
        # that one of them holds at that moment is never let go in the child.
        multiprocessing_context="spawn",
        collate_fn=_as_it_is,
        worker_init_fn=_quiet_worker,
        prefetch_factor=max(2, -(-ahead // workers)),
        pin_memory=pin_memory,
        generator=torch.Generator(),  # else it draws from the training's random state
    )
    made: list[Chunk] = []
    for chunk in loader:
        if isinstance(chunk, BadInput):
            raise chunk
        made.append(chunk)
        if len(made) == keys.per_iteration:
            yield made
            made = []


def _in_thread(samples: Source, keys: _ChunkKeys) -> Iterator[list[Chunk]]:
    """As `_in_processes`, in one thread: OpenCV decodes without the interpreter's lock."""

    def make(wanted: list[list[Key]]) -> list[Chunk]:
        return [chunk_of([samples.sample(*key) for key in chunk]) for chunk in wanted]

    chunks = iter(keys)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="samples") as pool:
        waiting: list[Future[list[Chunk]]] = []
        try:
            for _ in keys.iterations:
                wanted = [next(chunks) for _ in range(keys.per_iteration)]
                waiting.append(pool.submit(make, wanted))
                if len(waiting) == ITERATIONS_AHEAD:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
