"""Corner pooling: section 3.4, equations 6 and 7.

Top-left: `t` looks down (the maximum of all rows below and this one), `l` looks right. Bottom-right
looks up and left. Figure 6 says that the horizontal scan runs from left to right; equation 7 and
the released code scan from right to left, and so does this.

On ties the gradient goes to the first maximum in scan order, the farthest from the corner, as in
[code top_pool.cpp:59-69]; `torch.cummax` sends it to the nearest. Compiled scans serve the CPU;
plain torch operations serve every other device, and the CPU where numba is missing. Both forms
give the same outputs to the bit, and gradients that differ in the order of additions alone.
"""

import warnings
from functools import cache
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Corner = Literal["top_left", "bottom_right"]
Direction = Literal["top", "bottom", "left", "right"]

_VERTICAL = ("top", "bottom")
_FROM_END = ("top", "left")  # scan from the last row or column to the first
_DIRECTIONS: dict[Corner, tuple[Direction, Direction]] = {
    "top_left": ("top", "left"),
    "bottom_right": ("bottom", "right"),
}


def corner_pool(vertical: Tensor, horizontal: Tensor, corner: Corner) -> Tensor:
    """The corner pooling layer: two pooled maps, added (equations 6 and 7, figure 6).

    Args:
        vertical: [B, C, H, W], f_t for top-left corners; pooled over rows.
        horizontal: [B, C, H, W], f_l for top-left corners; pooled over columns.
        corner: which corners to look for.

    Returns:
        [B, C, H, W], new.
    """
    if vertical.shape != horizontal.shape or vertical.dtype != horizontal.dtype:
        raise ValueError(
            f"corner_pool: the maps differ: {list(vertical.shape)} {vertical.dtype} and "
            f"{list(horizontal.shape)} {horizontal.dtype}"
        )
    return _Pooling.apply(_DIRECTIONS[corner], vertical, horizontal)


def directional_pool(features: Tensor, direction: Direction) -> Tensor:
    """One half of corner pooling: the running maximum of [B, C, H, W] in one direction.

    `top` is the maximum over this row and all below (equation 6), `left` over this column and all
    to the right (equation 7), `bottom` over all above, `right` over all to the left.
    """
    return _Pooling.apply((direction,), features)


class _Pooling(torch.autograd.Function):
    """Sum of running maxima, one direction an input; keeps where the maxima rise, a byte a cell."""

    @staticmethod
    def forward(ctx: Any, directions: tuple[Direction, ...], *inputs: Tensor) -> Tensor:
        layout = _layout(inputs[0])
        dense = [features.contiguous(memory_format=layout) for features in inputs]
        pool = _pool_compiled if _compiled_serves(dense[0]) else _pool_plain
        pooled, records = pool(directions, dense, layout)
        ctx.directions, ctx.layout = directions, layout
        ctx.save_for_backward(*records)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        dense = gradient.contiguous(memory_format=ctx.layout)
        back = _return_compiled if _compiled_serves(dense) else _return_plain
        needed = ctx.needs_input_grad[1:]
        saved = zip(ctx.directions, ctx.saved_tensors, needed, strict=True)
        return None, *(
            back(direction, dense, record, ctx.layout) if wanted else None
            for direction, record, wanted in saved
        )


def _layout(features: Tensor) -> torch.memory_format:
    """How the map lies in memory, so that nothing need be copied; NCHW where it is neither."""
    if features.ndim != 4 or features.numel() == 0:
        raise ValueError(f"corner pooling: needs [B, C, H, W], not {list(features.shape)}")
    nhwc = features.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if nhwc else torch.contiguous_format


@cache
def _kernels() -> ModuleType | None:
    """The compiled scans, or None where numba cannot be used."""
    try:
        from cornernet.model import corner_pooling_kernels
    except (ImportError, RuntimeError) as error:  # RuntimeError: nowhere to keep compiled code
        warnings.warn(f"corner pooling on the CPU will be slow: {error}", stacklevel=2)
        return None
    return corner_pooling_kernels


def _compiled_serves(features: Tensor) -> bool:
    return features.device.type == "cpu" and _kernels() is not None


def _view(features: Tensor, direction: Direction, layout: torch.memory_format) -> Any:
    """A numpy view of a dense map: [N, L, M] to scan along L, or [R, L] to scan along rows."""
    batch, channels, height, width = features.shape
    dense = features.detach()
    if layout == torch.channels_last:
        dense = dense.permute(0, 2, 3, 1)  # [B, H, W, C]
        shape = (
            (batch, height, width * channels)
            if direction in _VERTICAL
            else (batch * height, width, channels)
        )
        return dense.view(shape).numpy()
    if direction in _VERTICAL:
        return dense.view(batch * channels, height, width).numpy()
    return dense.view(batch * channels * height, width).numpy()


def _computable(features: Tensor) -> Tensor:
    """The map in a type that the compiled scans know; widening half precision is exact."""
    known = features.dtype in (torch.float32, torch.float64)
    return features if known else features.to(torch.float32)


def _pool_compiled(
    directions: tuple[Direction, ...], inputs: list[Tensor], layout: torch.memory_format
) -> tuple[Tensor, list[Tensor]]:
    kernels = _kernels()
    assert kernels is not None
    computable = [_computable(features) for features in inputs]
    pooled = torch.empty_like(computable[0])
    records = []
    for number, (direction, features) in enumerate(zip(directions, computable, strict=True)):
        record = torch.empty_like(features, dtype=torch.bool)
        values, maxima, marks = (
            _view(each, direction, layout) for each in (features, pooled, record)
        )
        pool = kernels.pool_columns if values.ndim == 3 else kernels.pool_rows
        pool(values, maxima, marks, direction in _FROM_END, number > 0)
        records.append(record)
    return pooled.to(inputs[0].dtype), records


def _return_compiled(
    direction: Direction, gradient: Tensor, record: Tensor, layout: torch.memory_format
) -> Tensor:
    kernels = _kernels()
    assert kernels is not None
    computable = _computable(gradient)
    result = torch.empty_like(computable)
    values, marks, sums = (_view(each, direction, layout) for each in (computable, record, result))
    back = kernels.return_columns if values.ndim == 3 else kernels.return_rows
    back(values, marks, sums, direction in _FROM_END)
    return result.to(gradient.dtype)


def _shifted(features: Tensor, fill: Any, by: int, dim: int, from_end: bool) -> Tensor:
    """The element `by` steps earlier in the scan, at each element; `fill` where there is none."""
    length = features.shape[dim]
    edge = torch.full_like(features.narrow(dim, 0, by), fill)
    if from_end:
        return torch.cat([features.narrow(dim, by, length - by), edge], dim)
    return torch.cat([edge, features.narrow(dim, 0, length - by)], dim)


def _pool_plain(
    directions: tuple[Direction, ...], inputs: list[Tensor], layout: torch.memory_format
) -> tuple[Tensor, list[Tensor]]:
    """In log2(L) doublings: after step k each element holds the maximum of 2^k elements."""
    pooled, records = None, []
    for direction, features in zip(directions, inputs, strict=True):
        dim, from_end = (2 if direction in _VERTICAL else 3), direction in _FROM_END
        maxima, by = features, 1
        while by < features.shape[dim]:
            maxima = torch.maximum(maxima, _shifted(maxima, -torch.inf, by, dim, from_end))
            by *= 2
        record = (features > _shifted(maxima, -torch.inf, 1, dim, from_end)) | features.isnan()
        first = features.shape[dim] - 1 if from_end else 0
        record.select(dim, first).fill_(True)
        records.append(record)
        pooled = maxima if pooled is None else pooled + maxima
    assert pooled is not None
    # A map of one row or column is its own maximum: never hand the input itself back.
    return pooled.clone(memory_format=layout), records


def _return_plain(
    direction: Direction, gradient: Tensor, record: Tensor, layout: torch.memory_format
) -> Tensor:
    """Sums between records, in doublings too: no scattered additions, so always the same order."""
    dim, from_end = (2 if direction in _VERTICAL else 3), direction in _FROM_END
    against = not from_end  # gradients walk against the scan
    sums = gradient
    carries = ~_shifted(record, True, 1, dim, against)  # takes on what the one before has summed
    by = 1
    while by < gradient.shape[dim]:
        sums = sums + _shifted(sums, 0.0, by, dim, against).where(carries, 0.0)
        carries = carries & _shifted(carries, False, by, dim, against)
        by *= 2
    return sums.where(record, 0.0).contiguous(memory_format=layout)
