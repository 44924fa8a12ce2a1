"""The loss terms of each iteration, read without making a GPU wait for the CPU."""

import math
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from cornernet.model.losses import LossTerms
from cornernet.training.errors import NonFinite


@dataclass(frozen=True)
class _PendingTerms:
    """The terms of an iteration, on their way from the device."""

    iteration: int
    terms: Tensor  # float64 [6] on the CPU
    arrived: torch.cuda.Event | None  # set once the copy is complete; None: it is already


class LossTermsReader:
    """Takes each iteration's mean LossTerms on the device; hands them out on the CPU, in order.

    `broken` says on the device, as 0 or 1, whether any iteration so far had a term that is not
    finite. An optimiser that skips its step when `broken` is 1 leaves the weights as they were
    before the first such iteration, however late the CPU comes to know of it.
    """

    def __init__(self, device: torch.device) -> None:
        self.broken = torch.zeros((), device=device)  # float32, as fused optimisers want it
        self._waiting: deque[_PendingTerms] = deque()

    def add(self, iteration: int, mean: Tensor) -> None:
        """Take the terms of `iteration`, float64 [6] on the device."""
        self.broken.copy_(torch.maximum(self.broken, (~mean.isfinite().all()).float()))
        if mean.device.type != "cuda":
            self._waiting.append(_PendingTerms(iteration, mean, None))
            return
        host = torch.empty(mean.shape, dtype=mean.dtype, pin_memory=True)
        host.copy_(mean, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()
        self._waiting.append(_PendingTerms(iteration, host, arrived))

    def read(self, leave: int = 0) -> Tensor:
        """The terms of all iterations not read yet, except the last `leave`: float64 [n, 6].

        Waits for the device to reach them. Raises NonFinite for the first that is not finite.
        """
        rows = [torch.empty(0, len(LossTerms._fields), dtype=torch.float64)]
        while len(self._waiting) > leave:
            noted = self._waiting.popleft()
            if noted.arrived is not None:
                noted.arrived.synchronize()
            if not bool(noted.terms.isfinite().all()):
                raise NonFinite(_not_finite(noted.terms), noted.iteration)
            rows.append(noted.terms[None])
        return torch.cat(rows)


def _not_finite(mean: Tensor) -> list[str]:
    """The terms at fault; the total only if it alone is."""
    names = [
        name
        for name, value in zip(LossTerms._fields, mean.tolist(), strict=True)
        if not math.isfinite(value)
    ]
    return [name for name in names if name != "total"] or names
