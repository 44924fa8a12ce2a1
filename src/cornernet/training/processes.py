"""Several training processes, one per device, that compute one step together.

The calling process is number 0: it alone logs and saves checkpoints. The others are started from
it, know nothing but their chunks, and end with it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import Tensor

from cornernet.errors import BadInput
from cornernet.training.errors import TrainingFailed

LOOPBACK = "127.0.0.1"
# A checkpoint of the full network is written while the other processes wait.
PATIENCE = timedelta(minutes=30)
DONE = "done"  # set in the store once the first process needs the others no more


@dataclass(frozen=True)
class Processes:
    """The group, as one of its members sees it; `size` 1 needs no communication."""

    rank: int = 0
    size: int = 1
    store: dist.Store | None = None  # kept by the first process; outlives the others

    def agree(self, terms: Tensor, stop: bool, failure: Exception | None) -> tuple[Tensor, bool]:
        """All-reduce of `terms`, and whether one process is asked to stop; fail if one has failed.

        Raises the process's own `failure`, or another's: BadInput stays BadInput.
        """
        if self.size == 1:
            if failure is not None:
                raise failure
            return terms, stop
        flags = torch.tensor([float(stop), float(failure is not None)], dtype=torch.float64)
        on_cpu = terms.device.type == "cpu"
        # A GPU's terms go from GPU to GPU, without a wait for their values.
        shared = torch.cat([terms.flatten(), flags]) if on_cpu else flags
        try:
            dist.all_reduce(shared)
        except RuntimeError as error:
            raise failure or TrainingFailed(
                f"another training process ended: {' '.join(str(error).split())[:200]}"
            ) from error
        if shared[-1] > 0:
            of_another = self._failures(failure)
            raise failure or of_another
        if on_cpu:
            terms = shared[:-2].reshape(terms.shape)
        else:
            dist.all_reduce(terms)
        return terms, bool(shared[-2] > 0)

    def _failures(self, failure: Exception | None) -> Exception:
        """Tell the other processes of `failure`; the first one that any process tells of."""
        mine = None
        if failure is not None:  # as plain values: not every exception can be pickled
            bad = isinstance(failure, BadInput)
            mine = bad, getattr(failure, "problems", [repr(failure)])
        told: list[Any] = [None] * self.size
        dist.all_gather_object(told, mine)
        rank, (bad, lines) = next((rank, one) for rank, one in enumerate(told) if one)
        if bad:
            return BadInput(lines)
        return TrainingFailed(f"training process {rank}: {'; '.join(lines)}")

    def sum_gradients(self, gradients: Tensor) -> None:
        """All-reduce: replace each process's gradients by their sum over the processes."""
        if self.size > 1:
            dist.all_reduce(gradients)


def deal_chunks(num_chunks: int, processes: int) -> tuple[tuple[int, ...], ...]:
    """The chunk numbers of each process: neighbours together, shares of equal size or one apart.

    Later processes take the larger shares: the first has the first chunk, the statistics, the
    checkpoints. Raises ValueError when a process would have none.
    """
    if not 1 <= processes <= num_chunks:
        raise ValueError(f"{num_chunks} chunks cannot be dealt to {processes} processes")
    ends = [number * num_chunks // processes for number in range(processes + 1)]
    return tuple(tuple(range(a, b)) for a, b in pairwise(ends))


@contextmanager
def processes_on(
    devices: tuple[str, ...], work: Callable[..., None], arguments: tuple[Any, ...]
) -> Iterator[Processes]:
    """The group of one process per device; this one is number 0 and runs the block.

    The others call `work(processes, device, *arguments)`, all of it picklable. They end with the
    block, and when this process is killed.
    """
    if len(devices) == 1:
        yield Processes()
        return
    size = len(devices)
    store = dist.TCPStore(LOOPBACK, 0, size, is_master=True, wait_for_workers=False)
    context = multiprocessing.get_context("spawn")
    members = [
        context.Process(
            target=_member,
            args=(rank, size, store.port, os.getpid(), work, devices[rank], arguments),
        )
        for rank in range(1, size)
    ]
    try:
        for member in members:
            member.start()
        _wait_until_ready(store, members)
        first = Processes(0, size, store)
        with _joined(first, devices[0]):
            try:
                yield first
            finally:
                store.set(DONE, "")
            for member in members:
                member.join(60)
    finally:
        for member in members:
            if member.is_alive():
                member.kill()
                member.join()


def _wait_until_ready(store: dist.TCPStore, members: list[Any]) -> None:
    """Return when every member has started; raise TrainingFailed when one ends before."""
    keys = [f"ready-{rank}" for rank in range(1, len(members) + 1)]
    while not store.check(keys):
        ended = [rank for rank, m in enumerate(members, start=1) if m.exitcode is not None]
        if ended:
            raise TrainingFailed(
                f"training process {ended[0]} ended as it started "
                f"(exit code {members[ended[0] - 1].exitcode}); its error stands above"
            )
        time.sleep(0.05)


def _member(
    rank: int,
    size: int,
    port: int,
    parent: int,
    work: Callable[..., None],
    device: str,
    arguments: tuple[Any, ...],
) -> None:
    """A process other than the first: computes its chunks until the group ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process decides when to stop
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    store = dist.TCPStore(LOOPBACK, port, size, is_master=False)
    store.set(f"ready-{rank}", "")
    processes = Processes(rank, size, store)
    with _joined(processes, device):
        failed = False
        try:
            work(processes, device, *arguments)
        except (TrainingFailed, BadInput):
            failed = True  # the first process knows of it, and says so
        # Leaving earlier would cut the connection while another still receives over it.
        store.wait([DONE], PATIENCE)
    if failed:
        raise SystemExit(1)


def _end_with(parent: int) -> None:
    """End this process when `parent` is no more, however it ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextmanager
def _joined(processes: Processes, device: str) -> Iterator[None]:
    """Be a member of the process group: NCCL between GPUs, gloo for what lies on the CPU."""
    cuda = torch.device(device).type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    # All members are on this machine; gloo would look for it by its name on the network.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo",
        store=processes.store,
        rank=processes.rank,
        world_size=processes.size,
        timeout=PATIENCE,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()
