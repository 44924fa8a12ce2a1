"""What this machine does at best: the rates that floors are made of, measured beside the rest."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from cornernet.benchmarks.timing import Window, nothing, time_in_turn

COPIED_BYTES = 256 * 2**20  # far more than any cache holds
MATRIX_SIDE, CPU_MATRIX_SIDE = 8192, 2048  # of the products that show the peak
CONVOLUTION = (1, 256, 128, 128)  # the paper's widest map, through a 3 x 3 kernel: its commonest


def copy_bandwidth(device: str = "cpu", quick: bool = False) -> float:
    """Bytes read and written per second by a plain copy of a large array."""
    size = COPIED_BYTES // (256 if quick else 1)
    source = torch.zeros(size // 4, device=device)
    target = torch.empty_like(source)
    seconds = _best(lambda: target.copy_(source), device, quick)
    return 2 * size / seconds


def convolution_rate(dtype: torch.dtype, device: str = "cpu", quick: bool = False) -> float:
    """Floating-point operations per second of one large convolution, channels innermost."""
    batch, channels, height, width = (1, 16, 16, 16) if quick else CONVOLUTION
    layout = torch.channels_last
    maps = torch.randn(batch, channels, height, width).to(device, dtype, memory_format=layout)
    kernel = torch.randn(channels, channels, 3, 3).to(device, dtype, memory_format=layout)
    with torch.inference_mode():
        seconds = _best(lambda: F.conv2d(maps, kernel, padding=1), device, quick)
    return 2 * 9 * batch * channels**2 * height * width / seconds


def matrix_rate(dtype: torch.dtype, device: str = "cpu", quick: bool = False) -> float:
    """Floating-point operations per second of a product of large square matrices."""
    side = 64 if quick else MATRIX_SIDE if device != "cpu" else CPU_MATRIX_SIDE
    left, right = (torch.randn(side, side).to(device, dtype) for _ in range(2))
    seconds = _best(lambda: left @ right, device, quick)
    return 2 * side**3 / seconds


def _best(work: Callable[[], object], device: str, quick: bool) -> float:
    """Least seconds of a call: a floor is what the machine can do, not what it usually does."""
    synchronize = torch.cuda.synchronize if device != "cpu" else nothing
    window = Window(1, 0.0) if quick else Window(15, 3.0)
    return min(time_in_turn({"work": work}, window, synchronize)["work"].seconds)
