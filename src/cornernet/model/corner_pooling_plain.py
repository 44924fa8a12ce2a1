"""The scans of corner pooling in torch's operations: the reference, and what serves any device.

A scan walks along rows or columns from one end and keeps the running maximum. An element that
exceeds all before it in the scan is a *record*: the maxima from there up to the next record have
its value, so it gets the sum of their gradients. A tie makes no record, so the first maximum in
scan order keeps the gradient. A NaN is a record and stays the maximum.

All lines of a map are scanned side by side, one operation per step. The gradients of a record are
always added in the same order, from the far end of the scan to the record.
"""

import torch
from torch import Tensor


def running_maximum(values: Tensor, dim: int, from_end: bool) -> tuple[Tensor, Tensor]:
    """Running maxima of [B, C, H, W] along `dim` (2 or 3), and the records (bool); both new.

    `from_end`: the scan starts at the last element of `dim`, else at the first.
    """
    maxima = _in_scan_order(values, dim, from_end)  # [L, B, C, W or H]
    record = torch.ones_like(maxima, dtype=torch.bool)  # the first element is one
    for step in range(1, len(maxima)):
        value, best = maxima[step], maxima[step - 1]
        torch.le(value, best, out=record[step]).logical_not_()  # a NaN is not below either
        torch.maximum(value, best, out=value)
    return _as_map(maxima, dim, from_end), _as_map(record, dim, from_end)


def gradient_of_records(gradient: Tensor, record: Tensor, dim: int, from_end: bool) -> Tensor:
    """From the gradient of the maxima [B, C, H, W] to the gradient of the values; new.

    Half precision is widened for the sums, and rounded once.
    """
    half = gradient.dtype in (torch.float16, torch.bfloat16)
    # Against the scan: each element hands its sum on until a record takes it.
    sums = _in_scan_order(gradient.float() if half else gradient, dim, not from_end)
    taken = _in_scan_order(record, dim, not from_end)
    zero = sums.new_zeros(())
    for step in range(1, len(sums)):
        sums[step] += torch.where(taken[step - 1], zero, sums[step - 1])
    return _as_map(torch.where(taken, sums, zero), dim, not from_end).to(gradient.dtype)


def _in_scan_order(features: Tensor, dim: int, from_end: bool) -> Tensor:
    """A dense copy of the map with the scanned dimension first, in the order of the scan."""
    lines = features.movedim(dim, 0)
    return (lines.flip(0) if from_end else lines).clone(memory_format=torch.contiguous_format)


def _as_map(lines: Tensor, dim: int, from_end: bool) -> Tensor:
    """What `_in_scan_order` has changed, undone."""
    return (lines.flip(0) if from_end else lines).movedim(0, dim)
