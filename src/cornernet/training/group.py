"""The members of a training: processes, one per device, that compute one step together.

A step's chunks are dealt to them, and none is divided: n GPUs take ceil(chunks / n) rounds. The
paper's ten chunks keep 1, 2, 3, 4, 5 or 10 GPUs busy, and six to nine are no faster than five.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from cornernet.errors import BadInput
from cornernet.processes.supervision import Heartbeat

Found = TypeVar("Found")


@dataclass(frozen=True)
class Group:
    """The members as one of them sees them; a group of one needs no communication."""

    rank: int = 0
    size: int = 1
    heartbeat: Heartbeat = field(default_factory=Heartbeat)

    def agree(self, stop: int = 0, failure: Exception | None = None) -> int:
        """The signal by which any member is to stop, or 0.

        Raises the first failure that a member has, in every member.
        """
        told: list[Any] = [(stop, failure)]
        if self.size > 1:
            news = torch.tensor(float(told != [(0, None)]))
            with self.heartbeat.excused():
                dist.all_reduce(news)
                if news > 0:
                    told *= self.size
                    dist.all_gather_object(told, told[0])
        for _, failed in told:
            if failed is not None:
                raise failed
        return next((number for number, _ in told if number), 0)

    def together(self, work: Callable[[], Found]) -> Found:
        """What each member finds; all of them raise the BadInput of one."""
        found, failure = None, None
        try:
            found = work()
        except BadInput as error:
            failure = error
        self.agree(failure=failure)
        return cast(Found, found)

    def from_first(self, find: Callable[[], Found]) -> Found:
        """What the first member finds, in every member; all of them raise its BadInput."""
        found: list[Any] = self.together(lambda: [find()] if self.rank == 0 else [None])
        if self.size > 1:
            with self.heartbeat.excused():
                dist.broadcast_object_list(found, src=0)
        return found[0]

    def sum(self, tensor: Tensor) -> None:
        """All-reduce: replace each member's tensor by the sum over the members."""
        if self.size > 1:
            dist.all_reduce(tensor)


def deal_chunks(num_chunks: int, members: int) -> tuple[tuple[int, ...], ...]:
    """The chunk numbers of each member: neighbours together, shares of equal size or one apart.

    Later members take the larger shares: the first has the first chunk, the statistics, the
    checkpoints. Raises ValueError when a member would have none.
    """
    if not 1 <= members <= num_chunks:
        raise ValueError(f"{num_chunks} chunks cannot be dealt to {members} processes")
    ends = [number * num_chunks // members for number in range(members + 1)]
    return tuple(tuple(range(a, b)) for a, b in pairwise(ends))


def rounds(chunks: int, gpus: int) -> int:
    """Chunks that the busiest of `gpus` GPUs computes, one after the other, in a step."""
    return -(-chunks // gpus)


def useful_gpus(chunks: int, gpus: int) -> int:
    """The fewest GPUs that are as fast as `gpus`."""
    return rounds(chunks, rounds(chunks, gpus))


def images_in_turn(chunks: Sequence[int], gpus: int) -> int:
    """Images, at most, that the busiest GPU computes in a step."""
    return min(sum(chunks), rounds(len(chunks), gpus) * max(chunks))


def even_chunks(images: int, gpus: int) -> tuple[int, ...]:
    """As many images per step in one chunk per GPU, as even as can be."""
    each, more = divmod(images, gpus)
    return tuple(each + (gpu < more) for gpu in range(gpus))


def describe_rounds(chunks: int, gpus: int) -> str:
    """How the GPUs share a step; where some would wait, what to type to leave them to others."""
    useful = useful_gpus(chunks, gpus)
    taken, dealt = _count(rounds(chunks, gpus), "round"), _count(chunks, "chunk")
    line = f"{_count(gpus, 'GPU')}: {taken} for the {dealt} of a step"
    if useful == gpus:
        return line
    return (
        f"{line}, as on {_count(useful, 'GPU')}; `--set train.devices={useful}` (Snakemake: "
        f"`--config set=train.devices={useful}`) leaves {gpus - useful} free for other jobs"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
