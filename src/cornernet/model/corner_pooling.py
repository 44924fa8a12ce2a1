"""Corner pooling: section 3.4, equations 6 and 7.

Top-left: `t` looks down (the maximum of all rows below and this one), `l` looks right. Bottom-right
looks up and left. Figure 6 says that the horizontal scan runs from left to right; equation 7 and
the released code scan from right to left, and so does this.

On ties the gradient goes to the first maximum in scan order, the farthest from the corner, as in
[code top_pool.cpp:59-69]; `torch.cummax` sends it to the nearest. Compiled scans serve the CPU
(numba) and CUDA (Triton); plain torch operations serve every other device, and these where numba
or Triton is missing. All forms give the same outputs to the bit, and gradients that differ in the
order of additions alone.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cornernet.model import corner_pooling_plain

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
    if torch.compiler.is_compiling():
        return _operator(vertical, horizontal, corner)[0]
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
        pooled, records = _pool(directions, inputs)
        ctx.directions = directions
        ctx.save_for_backward(*records)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[1:]
        return None, *_give_back(ctx.directions, gradient, ctx.saved_tensors, needed)


# The same two steps as operators, which a compiler takes as they are: it cannot see into the scans.
@torch.library.custom_op("cornernet::corner_pool", mutates_args=())
def _operator(vertical: Tensor, horizontal: Tensor, corner: str) -> tuple[Tensor, Tensor, Tensor]:
    pooled, records = _pool(_DIRECTIONS[corner], (vertical, horizontal))  # type: ignore[index]
    return pooled, records[0], records[1]


@_operator.register_fake
def _(vertical: Tensor, horizontal: Tensor, corner: str) -> tuple[Tensor, Tensor, Tensor]:
    layout = _layout(vertical)
    maps = torch.empty_like(vertical, memory_format=layout)
    marks = [torch.empty_like(maps, dtype=torch.bool, memory_format=layout) for _ in range(2)]
    return maps, marks[0], marks[1]


@torch.library.custom_op("cornernet::corner_pool_gradient", mutates_args=())
def _operator_gradient(
    gradient: Tensor, vertical: Tensor, horizontal: Tensor, corner: str
) -> tuple[Tensor, Tensor]:
    """From the gradient of the output and the records to the gradients of both inputs."""
    first, second = _give_back(
        _DIRECTIONS[corner],  # type: ignore[index]
        gradient,
        (vertical, horizontal),
        (True, True),
    )
    assert first is not None
    assert second is not None
    return first, second


@_operator_gradient.register_fake
def _(gradient: Tensor, vertical: Tensor, horizontal: Tensor, corner: str) -> tuple[Tensor, Tensor]:
    layout = _layout(vertical)
    return (
        torch.empty_like(gradient, memory_format=layout),
        torch.empty_like(gradient, memory_format=layout),
    )


def _keep_records(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.corner = inputs[2]
    ctx.save_for_backward(output[1], output[2])


def _operator_backward(
    ctx: Any, gradient: Tensor, *of_records: Tensor | None
) -> tuple[Tensor, Tensor, None]:
    return *_operator_gradient(gradient, *ctx.saved_tensors, ctx.corner), None


_operator.register_autograd(_operator_backward, setup_context=_keep_records)


def _layout(features: Tensor) -> torch.memory_format:
    """How the map lies in memory, so that nothing need be copied; NCHW where it is neither."""
    if features.ndim != 4 or features.numel() == 0:
        raise ValueError(f"corner pooling: needs [B, C, H, W], not {list(features.shape)}")
    nhwc = features.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if nhwc else torch.contiguous_format


def _pool(directions: Sequence[Direction], inputs: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The sum of the running maxima, and the records of each; all in the first map's layout."""
    layout = _layout(inputs[0])
    dense = [features.contiguous(memory_format=layout) for features in inputs]
    if _compiled_serves(dense[0]):
        return _pool_compiled(directions, dense, layout)
    form = _form(dense[0].device)
    pooled, records = None, []
    for direction, features in zip(directions, dense, strict=True):
        pooled, record = form.pool(features, pooled, _dim(direction), direction in _FROM_END)
        records.append(record.contiguous(memory_format=layout))
    assert pooled is not None
    return pooled.contiguous(memory_format=layout), records


def _give_back(
    directions: Sequence[Direction],
    gradient: Tensor,
    records: Sequence[Tensor],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """The gradient of each input of `_pool` that is `needed`."""
    layout = _layout(records[0])
    dense = gradient.contiguous(memory_format=layout)
    compiled, results = _compiled_serves(dense), []
    for direction, record, wanted in zip(directions, records, needed, strict=True):
        result = None
        if wanted and compiled:
            result = _return_compiled(direction, dense, record, layout)
        elif wanted:
            back = _form(dense.device).give_back
            result = back(dense, record, _dim(direction), direction in _FROM_END)
            result = result.contiguous(memory_format=layout)
        results.append(result)
    return results


def _dim(direction: Direction) -> int:
    return 2 if direction in _VERTICAL else 3


@cache
def _kernels() -> ModuleType | None:
    """The scans compiled for the CPU, or None where numba cannot be used."""
    try:
        from cornernet.model import corner_pooling_kernels
    except (ImportError, RuntimeError) as error:  # RuntimeError: nowhere to keep compiled code
        warnings.warn(f"corner pooling on the CPU will be slow: {error}", stacklevel=2)
        return None
    return corner_pooling_kernels


@cache
def _form(device: torch.device) -> ModuleType:
    """Triton's scans where they run on `device`, else plain operations."""
    if device.type != "cuda":
        return corner_pooling_plain
    try:
        from cornernet.model import corner_pooling_triton

        probe = torch.zeros(1, 1, 1, 1, device=device)
        corner_pooling_triton.pool(probe, None, 2, True)
    # Besides a missing package: no C compiler, an old GPU, a driver that does not fit.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        warnings.warn(
            f"corner pooling on {device} will be slower, without its kernels: {reason}",
            stacklevel=2,
        )
        return corner_pooling_plain
    return corner_pooling_triton


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
    directions: Sequence[Direction], inputs: list[Tensor], layout: torch.memory_format
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
