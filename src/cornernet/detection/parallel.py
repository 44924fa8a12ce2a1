"""The images of a split, shared among processes: one per GPU, or several on the CPU."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from cornernet.data.coco.split import CocoSplit
from cornernet.errors import BadInput

Result = TypeVar("Result")


@dataclass(frozen=True)
class Share:
    """The part `number`, 0 to `count` - 1, of a split, and the device that tests it."""

    number: int
    count: int
    device: str

    def of(self, split: CocoSplit) -> CocoSplit:
        """Every `count`-th image of the split in the order of ids, so that sizes are mixed."""
        order = sorted(range(len(split.images)), key=lambda at: split.images[at].id)
        return split.at(order[self.number :: self.count])

    def name(self, whole: str) -> str:
        """What progress lines call it."""
        return whole if self.count == 1 else f"{whole} ({self.number + 1} of {self.count})"


def shared_out(
    devices: Sequence[str], work: Callable[..., Result], arguments: Sequence[Any]
) -> list[Result]:
    """What `work(share, *arguments)` returns for each device's share, in the order of `devices`.

    One device is served by this process. Of several each has its own, spawned, because a process
    with threads or CUDA must not be forked; so all that is handed over must be picklable. Raises
    what `work` raises, and BadInput when a process is killed.
    """
    shares = [Share(number, len(devices), device) for number, device in enumerate(devices)]
    if len(shares) == 1:
        return [work(shares[0], *arguments)]
    try:
        with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
            futures = [pool.submit(work, share, *arguments) for share in shares]
            return [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise BadInput(
            f"one of {len(shares)} processes was killed, most likely for want of memory: "
            "ask for fewer --devices, or lower detection.batch_size"
        ) from error
