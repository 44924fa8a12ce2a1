"""The scans of corner pooling for CUDA, in one Triton kernel. Importing this module needs triton.

The rules and the order of additions are those of `corner_pooling.py`, which explains
*records*, and so the numbers are the same to the bit.

A map is seen as [N, L, M]: L is scanned, and M columns lie side by side in memory (only across the
rows of an NCHW map they do not; there neighbouring threads read neighbouring rows, which is right
but slower). A thread walks down its columns. It loads `AHEAD` elements before it looks at the
first, so that enough bytes are on their way to keep the memory busy. Half precision is widened for
the sums and rounded once.

With TRITON_INTERPRET=1 in the environment the kernel runs on the CPU, for tests.
"""

# ruff: noqa: RUF005 (Triton's compiler knows no starred tuples)
# mypy: disable-error-code="assignment, var-annotated"

import torch
import triton
import triton.language as tl
from torch import Tensor

# An H100 needs about 2.4 MB under way (3.35 TB/s for 0.7 microseconds). The paper's chunk of five
# images has 81,920 columns of bf16 per map: 16 elements each are 2.6 MB.
AHEAD = 16
COLUMNS = 64  # per program: one warp, two columns per thread, 128 bytes of bf16 per step
WARPS = 1


@triton.jit
def _scan(  # type: ignore[no-untyped-def]
    values,
    record,
    result,
    length,
    width,
    stride_n,
    stride_l,
    stride_m,
    maximum: tl.constexpr,
    from_end: tl.constexpr,
    compute: tl.constexpr,
    ahead: tl.constexpr,
    columns: tl.constexpr,
):
    """With `maximum`: writes the running maxima of `values`, and `record`.

    Else `values` are gradients, walked against the scan, and `record` is read: each record takes
    the sum that has been carried to it.
    """
    blocks = tl.cdiv(width, columns)
    column = (tl.program_id(0) % blocks) * columns + tl.arange(0, columns)
    base = (tl.program_id(0) // blocks).to(tl.int64) * stride_n + column.to(tl.int64) * stride_m
    carried = tl.full([columns], float("-inf") if maximum else 0.0, compute)
    for start in range(0, length, ahead):
        loaded = ()
        records = ()
        places = ()
        masks = ()
        for i in tl.static_range(ahead):
            step = start + i
            at = base + (length - 1 - step if from_end else step) * stride_l
            inside = (column < width) & (step < length)
            loaded = loaded + (tl.load(values + at, mask=inside, other=0.0),)
            if not maximum:
                records = records + (tl.load(record + at, mask=inside, other=0),)
            places = places + (at,)
            masks = masks + (inside,)
        for i in tl.static_range(ahead):
            value = loaded[i].to(compute)
            if maximum:
                new = (value > carried) | (value != value)
                carried = tl.where(new, value, carried)
                tl.store(record + places[i], new | (start + i == 0), mask=masks[i])
                tl.store(result + places[i], carried, mask=masks[i])
            else:
                total = carried + value
                taken = records[i] != 0
                tl.store(result + places[i], tl.where(taken, total, 0.0), mask=masks[i])
                carried = tl.where(taken, 0.0, total)


def running_maximum(values: Tensor, dim: int, from_end: bool) -> tuple[Tensor, Tensor]:
    """Running maxima of a dense map [B, C, H, W] along `dim` (2 or 3), and the records (bool).

    Both in the layout of `values`: NCHW or channels-last. `from_end`: the scan starts at the last
    element of `dim`, else at the first.
    """
    maxima, record = torch.empty_like(values), torch.empty_like(values, dtype=torch.bool)
    _launch(values, record, maxima, dim, from_end, maximum=True)
    return maxima, record


def gradient_of_records(gradient: Tensor, record: Tensor, dim: int, from_end: bool) -> Tensor:
    """From the gradient of the maxima to the gradient of the values, in the same layout."""
    result = torch.empty_like(gradient)
    _launch(gradient, record, result, dim, not from_end, maximum=False)
    return result


def _launch(
    values: Tensor, record: Tensor, result: Tensor, dim: int, from_end: bool, maximum: bool
) -> None:
    """Run the kernel on the map, seen as [N, L, M] with `dim` as L."""
    order = values.shape
    if not values.is_contiguous():  # channels-last
        order, dim = values.movedim(1, 3).shape, dim - 1
    count, length, width = order[:dim].numel(), order[dim], order[dim + 1 :].numel()
    strides = length * width, width, 1  # of N, L and M in elements
    if width == 1:  # then the lines themselves are the columns
        count, width, strides = 1, count, (0, 1, length)
    with torch.cuda.device_of(values):  # Triton launches on the current device
        _scan[(count * triton.cdiv(width, COLUMNS),)](
            values,
            record.view(torch.uint8),
            result,
            length,
            width,
            *strides,
            maximum=maximum,
            from_end=from_end,
            compute=tl.float64 if values.dtype == torch.float64 else tl.float32,
            ahead=AHEAD,
            columns=COLUMNS,
            num_warps=WARPS,
        )
