"""Which GPUs a job may use: a lease by file lock, for no workflow engine assigns them.

Several jobs on one machine each hold locks on devices of their own. The kernel frees a lock when
its process ends, however it ends.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

SECONDS_BETWEEN_TRIES = 5.0
LOCKS = Path(tempfile.gettempdir()) / "cornernet-devices"


def visible_gpus() -> list[str]:
    """Ids of the GPUs that this process may see, as CUDA_VISIBLE_DEVICES spells them."""
    import torch

    # Not is_available: that starts CUDA, which reads CUDA_VISIBLE_DEVICES once and for all, and
    # cuda:0 would stay the machine's first GPU whichever is leased.
    count = torch.cuda.device_count()
    if count == 0:
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [str(index) for index in range(count)]
    return [name.strip() for name in named.split(",") if name.strip()]


@contextmanager
def leased_gpus(
    wanted: int,
    report: Callable[[str], None],
    gpus: Sequence[str] | None = None,
    folder: Path = LOCKS,
    pause: float = SECONDS_BETWEEN_TRIES,
) -> Iterator[tuple[str, ...]]:
    """Up to `wanted` GPUs that no other job holds, this process's alone until the block ends.

    Waits until at least one is free. Yields their ids, none on a machine without; sets
    CUDA_VISIBLE_DEVICES to them, so that inside the block they are cuda:0, cuda:1, ...
    """
    gpus = visible_gpus() if gpus is None else gpus
    if not gpus or wanted < 1:
        report(f"no GPU here, {wanted} asked for: the CPU does the work")
        yield ()
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    with ExitStack() as locks:
        mine = _lock_some(list(gpus), wanted, locks, folder, pause, report)
        if len(mine) < wanted:
            report(f"{len(mine)} of {wanted} GPUs that were asked for; the same steps, slower")
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
        try:
            yield tuple(mine)
        finally:
            if before is None:
                del os.environ["CUDA_VISIBLE_DEVICES"]
            else:
                os.environ["CUDA_VISIBLE_DEVICES"] = before


def _lock_some(
    gpus: list[str],
    wanted: int,
    locks: ExitStack,
    folder: Path,
    pause: float,
    report: Callable[[str], None],
) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    said = False
    while True:
        mine: list[str] = []
        for gpu in gpus:
            lock = FileLock(folder / f"{gpu}.lock", blocking=False)
            with suppress(Timeout):
                if len(mine) < wanted:
                    locks.enter_context(lock)
                    mine.append(gpu)
        if mine:
            return mine
        if not said:
            report(f"all {len(gpus)} GPUs are held by other jobs; waiting for one")
            said = True
        time.sleep(pause)
