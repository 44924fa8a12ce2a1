"""Corner pooling in plain torch operations: the reference, and what serves any device.

Running maxima and sums in log2(L) doublings, so that a scan of L elements takes few operations.
"""

from typing import Any

import torch
from torch import Tensor


def _shifted(features: Tensor, fill: Any, by: int, dim: int, from_end: bool) -> Tensor:
    """The element `by` steps earlier in the scan, at each element; `fill` where there is none."""
    length = features.shape[dim]
    edge = torch.full_like(features.narrow(dim, 0, by), fill)
    if from_end:
        return torch.cat([features.narrow(dim, by, length - by), edge], dim)
    return torch.cat([edge, features.narrow(dim, 0, length - by)], dim)


def pool(values: Tensor, added: Tensor | None, dim: int, from_end: bool) -> tuple[Tensor, Tensor]:
    """Running maxima of [B, C, H, W] along `dim` (2 or 3), plus `added`; and the records (bool).

    After step k each element holds the maximum of 2^k elements. Never the input itself.
    """
    maxima, by = values, 1
    while by < values.shape[dim]:
        maxima = torch.maximum(maxima, _shifted(maxima, -torch.inf, by, dim, from_end))
        by *= 2
    record = (values > _shifted(maxima, -torch.inf, 1, dim, from_end)) | values.isnan()
    first = torch.arange(values.shape[dim], device=values.device) == (
        values.shape[dim] - 1 if from_end else 0
    )
    record = record | (first[:, None] if dim == 2 else first)
    return (maxima.clone() if added is None else added + maxima), record


def give_back(gradient: Tensor, record: Tensor, dim: int, from_end: bool) -> Tensor:
    """Gradient of `pool`: sums between records, with no scattered additions.

    So the order of additions is always the same. Half precision is widened, and rounded once.
    """
    half = gradient.dtype in (torch.float16, torch.bfloat16)
    against = not from_end  # gradients walk against the scan
    sums = gradient.float() if half else gradient
    carries = ~_shifted(record, True, 1, dim, against)  # takes on what the one before has summed
    by = 1
    while by < gradient.shape[dim]:
        sums = sums + _shifted(sums, 0.0, by, dim, against).where(carries, 0.0)
        carries = carries & _shifted(carries, False, by, dim, against)
        by *= 2
    return sums.where(record, 0.0).to(gradient.dtype)
