"""The scans behind `corner_pooling.py` for CUDA, in Triton. Importing this module needs triton.

The same rules as in `corner_pooling_kernels.py`, which explains *records*, and the same order of
additions, so the same numbers to the bit: the first maximum in scan order keeps the gradient, a
NaN is a record and stays the maximum.

A map is seen as [N, L, M]: L is scanned, and M columns lie side by side in memory (only across the
rows of an NCHW map they do not; there neighbouring threads read neighbouring rows, which is right
but slower). A thread walks down its columns. It loads `AHEAD` elements before it looks at the
first, so that enough bytes are on their way to keep the memory busy; each map is read once and each
result written once a direction. Half precision is widened for the sums and rounded once.

With TRITON_INTERPRET=1 in the environment the kernels run on the CPU, for tests.
"""

# ruff: noqa: RUF005 (Triton's compiler knows no starred tuples)
# mypy: disable-error-code="assignment, var-annotated"

import torch
import triton
import triton.language as tl
from torch import Tensor

# An H100 needs about 2.4 MB under way (3.35 TB/s for 0.7 microseconds). The paper's chunk of five
# images has 81,920 columns of bf16 a map: 16 elements each are 2.6 MB.
AHEAD = 16
COLUMNS = 64  # of one program: a warp's, two to a thread, 128 bytes of bf16 a step
WARPS = 1


@triton.jit
def _pool(  # type: ignore[no-untyped-def]
    values,
    added,
    pooled,
    record,
    length,
    width,
    stride_n,
    stride_l,
    stride_m,
    from_end: tl.constexpr,
    add: tl.constexpr,
    compute: tl.constexpr,
    ahead: tl.constexpr,
    columns: tl.constexpr,
):
    """Running maxima along L, plus `added` if `add`; and which elements are records."""
    blocks = tl.cdiv(width, columns)
    column = (tl.program_id(0) % blocks) * columns + tl.arange(0, columns)
    base = (tl.program_id(0) // blocks).to(tl.int64) * stride_n + column.to(tl.int64) * stride_m
    best = tl.full([columns], float("-inf"), compute)
    for start in range(0, length, ahead):
        loaded = ()
        others = ()
        places = ()
        masks = ()
        for i in tl.static_range(ahead):
            step = start + i  # in the order of the scan
            at = base + (length - 1 - step if from_end else step) * stride_l
            inside = (column < width) & (step < length)
            loaded = loaded + (tl.load(values + at, mask=inside, other=0.0),)
            if add:
                others = others + (tl.load(added + at, mask=inside, other=0.0),)
            places = places + (at,)
            masks = masks + (inside,)
        for i in tl.static_range(ahead):
            value = loaded[i].to(compute)
            new = (value > best) | (value != value)
            best = tl.where(new, value, best)
            tl.store(record + places[i], new | (start + i == 0), mask=masks[i])
            result = best + others[i].to(compute) if add else best
            tl.store(pooled + places[i], result, mask=masks[i])


@triton.jit
def _return(  # type: ignore[no-untyped-def]
    gradient,
    record,
    result,
    length,
    width,
    stride_n,
    stride_l,
    stride_m,
    from_end: tl.constexpr,
    compute: tl.constexpr,
    ahead: tl.constexpr,
    columns: tl.constexpr,
):
    """Gradient of `_pool`: walks against the scan; a record takes what waits for it."""
    blocks = tl.cdiv(width, columns)
    column = (tl.program_id(0) % blocks) * columns + tl.arange(0, columns)
    base = (tl.program_id(0) // blocks).to(tl.int64) * stride_n + column.to(tl.int64) * stride_m
    waiting = tl.zeros([columns], compute)
    for start in range(0, length, ahead):
        loaded = ()
        records = ()
        places = ()
        masks = ()
        for i in tl.static_range(ahead):
            step = start + i  # against the order of the scan
            at = base + (step if from_end else length - 1 - step) * stride_l
            inside = (column < width) & (step < length)
            loaded = loaded + (tl.load(gradient + at, mask=inside, other=0.0),)
            records = records + (tl.load(record + at, mask=inside, other=0),)
            places = places + (at,)
            masks = masks + (inside,)
        for i in tl.static_range(ahead):
            total = waiting + loaded[i].to(compute)
            taken = records[i] != 0
            tl.store(result + places[i], tl.where(taken, total, 0.0), mask=masks[i])
            waiting = tl.where(taken, 0.0, total)


def pool(values: Tensor, added: Tensor | None, dim: int, from_end: bool) -> tuple[Tensor, Tensor]:
    """Running maxima of a dense map [B, C, H, W] along `dim` (2 or 3), plus `added`.

    Returns the sum, rounded once, and the records (bool), both in the layout of `values`: NCHW or
    channels-last. `added` has the shape, type and layout of `values`.
    """
    pooled = torch.empty_like(values)
    record = torch.empty_like(values, dtype=torch.bool)
    count, length, width, strides = _scanned(values, dim)
    with torch.cuda.device_of(values):  # Triton launches on the current one
        _pool[_grid(count, width)](
            values,
            values if added is None else added,
            pooled,
            record.view(torch.uint8),
            length,
            width,
            *strides,
            from_end=from_end,
            add=added is not None,
            compute=_compute_type(values),
            ahead=AHEAD,
            columns=COLUMNS,
            num_warps=WARPS,
        )
    return pooled, record


def give_back(gradient: Tensor, record: Tensor, dim: int, from_end: bool) -> Tensor:
    """Gradient of `pool`: from that of its output to that of `values`, in the same layout."""
    result = torch.empty_like(gradient)
    count, length, width, strides = _scanned(gradient, dim)
    with torch.cuda.device_of(gradient):
        _return[_grid(count, width)](
            gradient,
            record.view(torch.uint8),
            result,
            length,
            width,
            *strides,
            from_end=from_end,
            compute=_compute_type(gradient),
            ahead=AHEAD,
            columns=COLUMNS,
            num_warps=WARPS,
        )
    return result


def _grid(count: int, width: int) -> tuple[int]:
    return (count * triton.cdiv(width, COLUMNS),)


def _compute_type(values: Tensor) -> tl.dtype:
    return tl.float64 if values.dtype == torch.float64 else tl.float32


def _scanned(features: Tensor, dim: int) -> tuple[int, int, int, tuple[int, int, int]]:
    """The map as [N, L, M] with `dim` as L: sizes, and the strides of N, L and M in elements."""
    batch, channels, height, width = features.shape
    if features.is_contiguous():
        if dim == 2:
            return batch * channels, height, width, (height * width, width, 1)
        return 1, width, batch * channels * height, (0, 1, width)
    if not features.is_contiguous(memory_format=torch.channels_last):
        raise ValueError(f"corner pooling: strides {features.stride()} are no dense layout")
    if dim == 2:
        return batch, height, width * channels, (height * width * channels, width * channels, 1)
    return batch * height, width, channels, (width * channels, channels, 1)
