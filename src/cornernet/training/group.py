"""The members of a training: processes, one per device, that compute one step together."""

from collections.abc import Callable
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
