"""Corner pooling: section 3.4, equations 6 and 7.

Top-left: `t` looks down (the maximum of this row and all rows below), `l` looks right. Bottom-right
looks up and left. Figure 6 says that the horizontal scan runs from left to right; equation 7 and
the released code scan from right to left, and so does this.

On ties the gradient goes to the first maximum in scan order, the farthest from the corner, as in
[code top_pool.cpp:59-69]; `torch.cummax` sends it to the nearest. A GPU runs a Triton kernel, every
other device the same scans in torch's operations. Both give the same numbers to the bit.
"""

import subprocess
import warnings
from functools import cache
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

from cornernet.model import corner_pooling_plain

Corner = Literal["top_left", "bottom_right"]
Direction = Literal["top", "bottom", "left", "right"]

# Which dimension of [B, C, H, W] is scanned, and whether from its last element to its first.
_SCANS = {"top": (2, True), "bottom": (2, False), "left": (3, True), "right": (3, False)}


def corner_pool(vertical: Tensor, horizontal: Tensor, corner: Corner) -> Tensor:
    """The corner pooling layer: two pooled maps, added (equations 6 and 7, figure 6).

    Args:
        vertical: [B, C, H, W], f_t for top-left corners; pooled over rows.
        horizontal: [B, C, H, W], f_l for top-left corners; pooled over columns.
        corner: which corners to look for.

    Returns:
        [B, C, H, W], new.

    Raises:
        ValueError: the maps differ in shape or type.
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
    return _running_maximum(features, direction)[0]


# Operators, which a compiler takes as they are: it cannot see into the scans.
@torch.library.custom_op("cornernet::running_maximum", mutates_args=())
def _running_maximum(features: Tensor, direction: str) -> tuple[Tensor, Tensor]:
    """The running maxima, and which elements are records (bool); both in the map's layout."""
    layout = _layout(features)
    dense = features.contiguous(memory_format=layout)
    maxima, record = _scans(features.device).running_maximum(dense, *_SCANS[direction])
    return maxima.contiguous(memory_format=layout), record.contiguous(memory_format=layout)


@_running_maximum.register_fake
def _(features: Tensor, direction: str) -> tuple[Tensor, Tensor]:
    maxima = torch.empty_like(features, memory_format=_layout(features))
    return maxima, torch.empty_like(maxima, dtype=torch.bool)


@torch.library.custom_op("cornernet::running_maximum_gradient", mutates_args=())
def _gradient(gradient: Tensor, record: Tensor, direction: str) -> Tensor:
    """From the gradient of the maxima to the gradient of the map."""
    layout = _layout(record)
    dense = gradient.contiguous(memory_format=layout)
    result = _scans(gradient.device).gradient_of_records(dense, record, *_SCANS[direction])
    return result.contiguous(memory_format=layout)


@_gradient.register_fake
def _(gradient: Tensor, record: Tensor, direction: str) -> Tensor:
    return torch.empty_like(gradient, memory_format=_layout(record))


def _keep_record(ctx: Any, inputs: tuple[Tensor, str], output: tuple[Tensor, Tensor]) -> None:
    ctx.direction = inputs[1]
    ctx.save_for_backward(output[1])


def _backward(ctx: Any, gradient: Tensor, of_record: Tensor | None) -> tuple[Tensor, None]:
    return _gradient(gradient, *ctx.saved_tensors, ctx.direction), None


_running_maximum.register_autograd(_backward, setup_context=_keep_record)


def _layout(features: Tensor) -> torch.memory_format:
    """How the map lies in memory, so that nothing need be copied; NCHW where it is neither."""
    if features.ndim != 4 or features.numel() == 0:
        raise ValueError(f"corner pooling: needs [B, C, H, W], not {list(features.shape)}")
    channels_last = features.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


@cache
def _scans(device: torch.device) -> ModuleType:
    """Triton's scans where they run on `device`, else those in torch's operations."""
    if device.type != "cuda":
        return corner_pooling_plain
    try:
        from cornernet.model import corner_pooling_triton

        corner_pooling_triton.running_maximum(torch.zeros(1, 1, 1, 1, device=device), 2, True)
    # No Triton, no C compiler, an old GPU, a driver that does not fit.
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"corner pooling on {device} will be slower, without its kernel: {reason}"
        warnings.warn(message, stacklevel=2)
        return corner_pooling_plain
    return corner_pooling_triton
