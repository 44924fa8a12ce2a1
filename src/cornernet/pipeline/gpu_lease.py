"""Which GPUs a job may use: a lease by file lock, for no workflow engine assigns them.

Several jobs on one machine each hold locks on devices of their own. A lock is named by the GPU's
UUID: under Slurm each job may call its own GPU number 0. The kernel frees a lock when its process
ends, however it ends.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

SECONDS_BETWEEN_TRIES = 5.0
UUIDS = ("GPU-", "MIG-")  # what CUDA_VISIBLE_DEVICES may hold instead of numbers


def lock_folder() -> Path:
    """Where a user's locks lie: what one user has made, another might not be allowed to lock."""
    return Path(tempfile.gettempdir()) / f"cornernet-devices-{os.getuid()}"


def visible_gpus() -> list[str]:
    """UUIDs of the GPUs that this process may see, as CUDA_VISIBLE_DEVICES spells them."""
    import torch

    # Not is_available: that starts CUDA, which reads CUDA_VISIBLE_DEVICES once and for all, and
    # cuda:0 would stay the machine's first GPU whichever is leased.
    if torch.cuda.device_count() == 0:
        return []
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    if all(name.startswith(UUIDS) for name in named):
        return named
    # Only CUDA itself knows for sure which GPU has which number: another process asks it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as other:
        return other.submit(uuids_by_cuda).result()


def uuids_by_cuda() -> list[str]:
    """UUIDs of the GPUs that CUDA sees, in its order. Starts CUDA in this process."""
    import torch

    devices = range(torch.cuda.device_count())
    return [f"GPU-{torch.cuda.get_device_properties(device).uuid}" for device in devices]


@contextmanager
def leased_gpus(
    wanted: int,
    report: Callable[[str], None],
    gpus: Sequence[str] | None = None,
    folder: Path | None = None,
    pause: float = SECONDS_BETWEEN_TRIES,
) -> Iterator[tuple[str, ...]]:
    """Up to `wanted` GPUs that no other job holds, this process's alone until the block ends.

    Waits until at least one is free. Yields their UUIDs, none on a machine without; sets
    CUDA_VISIBLE_DEVICES to them, so that inside the block they are cuda:0, cuda:1, ...
    """
    gpus = visible_gpus() if gpus is None else gpus
    if not gpus or wanted < 1:
        report(f"no GPU here, {wanted} asked for: the CPU does the work")
        yield ()
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    with ExitStack() as locks:
        mine = _lock_some(gpus, wanted, locks, folder or lock_folder())
        if not mine:
            report(f"all {len(gpus)} GPUs are held by other jobs; waiting for one")
        while not mine:
            time.sleep(pause)
            mine = _lock_some(gpus, wanted, locks, folder or lock_folder())
        if len(mine) < wanted:
            report(f"{len(mine)} of {wanted} GPUs that were asked for; the same steps, slower")
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
        try:
            yield mine
        finally:
            del os.environ["CUDA_VISIBLE_DEVICES"]
            if before is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = before


def _lock_some(gpus: Sequence[str], wanted: int, locks: ExitStack, folder: Path) -> tuple[str, ...]:
    """Up to `wanted` GPUs that were free and are now locked."""
    folder.mkdir(parents=True, exist_ok=True)
    mine: list[str] = []
    for gpu in gpus:
        with suppress(Timeout):
            if len(mine) < wanted:
                locks.enter_context(FileLock(folder / f"{gpu}.lock", blocking=False))
                mine.append(gpu)
    return tuple(mine)
