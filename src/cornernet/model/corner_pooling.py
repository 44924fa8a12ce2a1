"""Corner pooling: section 3.4, equations 6 and 7.

Top-left: `t` looks down (the maximum of this row and all rows below), `l` looks right. Bottom-right
looks up and left. Figure 6 says that the horizontal scan runs from left to right; equation 7 and
the released code scan from right to left, and so does this.

On ties the gradient goes to the first maximum in scan order, the farthest from the corner, as in
[code top_pool.cpp:59-69]; `torch.cummax` sends it to the nearest. A GPU runs a Triton kernel, every
other device the same scans in torch's operations. Both give the same numbers to the bit.

A scan walks along rows or columns from one end and keeps the running maximum. An element that
exceeds all before it in the scan is a *record*: the maxima from there up to the next record have
its value, so it gets the sum of their gradients. A tie makes no record, so the first maximum in
scan order keeps the gradient. A NaN is a record and stays the maximum. The gradients of a record
are always added in the same order, from the far end of the scan to the record.
"""

import subprocess
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

Corner = Literal["top_left", "bottom_right"]
Direction = Literal["top", "bottom", "left", "right"]

# Which dimension of [B, C, H, W] is scanned, and whether from its last element to its first.
_SCANS = {"top": (2, True), "bottom": (2, False), "left": (3, True), "right": (3, False)}


def corner_pool(vertical: Tensor, horizontal: Tensor, corner: Corner) -> Tensor:
    """The corner pooling layer: two pooled maps, added (equations 6 and 7, figure 6).

    `vertical` (f_t for top-left corners) is pooled over rows, `horizontal` (f_l) over columns. All
    are [B, C, H, W]. Raises ValueError if the two differ in shape or type.
    """
    if vertical.shape != horizontal.shape or vertical.dtype != horizontal.dtype:
        raise ValueError(
            f"corner_pool: the maps differ: {list(vertical.shape)} {vertical.dtype} and "
            f"{list(horizontal.shape)} {horizontal.dtype}"
        )
    if corner == "top_left":
        return directional_pool(vertical, "top") + directional_pool(horizontal, "left")
    return directional_pool(vertical, "bottom") + directional_pool(horizontal, "right")


def directional_pool(features: Tensor, direction: Direction) -> Tensor:
    """One half of corner pooling: the running maximum of [B, C, H, W] in one direction.

    `top` is the maximum over this row and all below (equation 6), `left` over this column and all
    to the right (equation 7), `bottom` over all above, `right` over all to the left.

    Raises ValueError for maps of another rank, or without elements.
    """
    return torch.ops.cornernet.running_maximum(features, direction)[0]


# Operators, which a compiler takes as they are: it cannot see into the scans. Not by `custom_op`,
# which loads torch's compiler: seconds of every process that runs the network.
MAXIMUM, GRADIENT = "cornernet::running_maximum", "cornernet::running_maximum_gradient"
torch.library.define(MAXIMUM, "(Tensor features, str direction) -> (Tensor, Tensor)")
torch.library.define(GRADIENT, "(Tensor gradient, Tensor record, str direction) -> Tensor")


@torch.library.impl(MAXIMUM, "default")
def _running_maximum(features: Tensor, direction: str) -> tuple[Tensor, Tensor]:
    """The running maxima, and which elements are records (bool); both in the map's layout."""
    layout = _layout(features)
    dense = features.contiguous(memory_format=layout)
    maxima, record = _scans(features.device)[0](dense, *_SCANS[direction])
    return maxima.contiguous(memory_format=layout), record.contiguous(memory_format=layout)


@torch.library.register_fake(MAXIMUM)
def _(features: Tensor, direction: str) -> tuple[Tensor, Tensor]:
    maxima = torch.empty_like(features, memory_format=_layout(features))
    return maxima, torch.empty_like(maxima, dtype=torch.bool)


@torch.library.impl(GRADIENT, "default")
def _gradient(gradient: Tensor, record: Tensor, direction: str) -> Tensor:
    """From the gradient of the maxima to the gradient of the map."""
    layout = _layout(record)
    dense = gradient.contiguous(memory_format=layout)
    result = _scans(gradient.device)[1](dense, record, *_SCANS[direction])
    return result.contiguous(memory_format=layout)


@torch.library.register_fake(GRADIENT)
def _(gradient: Tensor, record: Tensor, direction: str) -> Tensor:
    return torch.empty_like(gradient, memory_format=_layout(record))


def _keep_record(ctx: Any, inputs: tuple[Tensor, str], output: tuple[Tensor, Tensor]) -> None:
    ctx.direction = inputs[1]
    ctx.save_for_backward(output[1])


def _backward(ctx: Any, gradient: Tensor, of_record: Tensor | None) -> tuple[Tensor, None]:
    found = torch.ops.cornernet.running_maximum_gradient(
        gradient, *ctx.saved_tensors, ctx.direction
    )
    return found, None


torch.library.register_autograd(MAXIMUM, _backward, setup_context=_keep_record)


def _layout(features: Tensor) -> torch.memory_format:
    """How the map lies in memory, so that nothing need be copied; NCHW where it is neither."""
    if features.ndim != 4 or features.numel() == 0:
        raise ValueError(f"corner pooling: needs [B, C, H, W], not {list(features.shape)}")
    channels_last = features.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


@cache
def _scans(device: torch.device) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The two scans: Triton's where they run on `device`, else those in torch's operations."""
    if device.type != "cuda":
        return plain_maximum, plain_gradient
    try:
        from cornernet.model.corner_pooling_triton import gradient_of_records, running_maximum

        running_maximum(torch.zeros(1, 1, 1, 1, device=device), 2, True)
    # No Triton, no C compiler, an old GPU, a driver that does not fit.
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"corner pooling on {device} will be slower, without its kernel: {reason}"
        warnings.warn(message, stacklevel=2)
        return plain_maximum, plain_gradient
    return running_maximum, gradient_of_records


def plain_maximum(values: Tensor, dim: int, from_end: bool) -> tuple[Tensor, Tensor]:
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


def plain_gradient(gradient: Tensor, record: Tensor, dim: int, from_end: bool) -> Tensor:
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
