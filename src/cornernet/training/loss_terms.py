"""The loss terms of each iteration, read without making a GPU wait for the CPU."""

from collections import deque

import torch
from torch import Tensor

from cornernet.model.losses import LossTerms
from cornernet.training.errors import NonFinite


class LossTermsReader:
    """Takes each iteration's mean LossTerms on the device; hands them out on the CPU, in order.

    `broken` says on the device, as 0 or 1, whether any iteration so far had a term that is not
    finite. An optimiser that skips its step when `broken` is 1 leaves the weights as they were
    before the first such iteration, however late the CPU comes to know of it.
    """

    def __init__(self, device: torch.device) -> None:
        self.broken = torch.zeros((), device=device)  # float32, as fused optimisers want it
        # Iteration, terms on the CPU, and what is set once they are there (None: they are).
        self._waiting: deque[tuple[int, Tensor, torch.cuda.Event | None]] = deque()

    def add(self, iteration: int, mean: Tensor) -> None:
        """Take the terms of `iteration`, float64 [6] on the device."""
        self.broken.copy_(torch.maximum(self.broken, (~mean.isfinite().all()).float()))
        arrived = None
        if mean.device.type == "cuda":
            host = torch.empty(mean.shape, dtype=mean.dtype, pin_memory=True)
            mean = host.copy_(mean, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record()
        self._waiting.append((iteration, mean, arrived))

    def read(self, leave: int = 0) -> Tensor:
        """The terms of all iterations not read yet, except the last `leave`: float64 [n, 6].

        Waits for the device to reach them. Raises NonFinite for the first that is not finite.
        """
        rows = [torch.empty(0, len(LossTerms._fields), dtype=torch.float64)]
        while len(self._waiting) > leave:
            iteration, terms, arrived = self._waiting.popleft()
            if arrived is not None:
                arrived.synchronize()
            bad = [
                name
                for name, finite in zip(LossTerms._fields, terms.isfinite().tolist(), strict=True)
                if not finite
            ]
            if bad:  # the total is named only if it alone is at fault
                raise NonFinite([name for name in bad if name != "total"] or bad, iteration)
            rows.append(terms[None])
        return torch.cat(rows)
