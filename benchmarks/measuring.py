"""Times several forms of one thing in turn, once they were seen to compute the same.

In turn, because a machine's speed drifts (clock, heat, neighbours): what slows one form down slows
the others down with it, and ratios are taken within a round.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.nn import functional as F
from torch.utils.benchmark import Timer

from cornernet.progress import Progress

REPOSITORY = Path(__file__).parents[1]
CONVOLUTION = (1, 256, 128, 128)  # the paper's widest map, through a 3 x 3 kernel: its commonest
QUICK_CONVOLUTION = (1, 16, 16, 16)
FEWEST_ROUNDS = 3

Forms = Mapping[str, Callable[[], object]]
Times = dict[str, list[float]]  # seconds per call of each form, one for each round


class BenchmarkFailed(Exception):
    """A benchmark cannot give a result, through no fault of its input; exit code 1."""


class Unequal(BenchmarkFailed):
    """Two forms computed different things, so their times cannot be compared."""


@dataclass(frozen=True)
class Settings:
    """What the command line decides; a benchmark takes everything else from its own constants."""

    device: str = "cpu"  # or "cuda"
    threads: int = 2  # of torch and OpenCV, where a profile does not fix them
    quick: bool = False  # tiny sizes and one round: to test that it works, never to measure
    data: Path = Path("../shared/data")  # coco_mini/, coco_val2017_boxes/; what is absent is made
    out: Path = Path("reports/benchmarks")
    yolo: Path | None = None  # the interpreter of an environment that has ultralytics


@dataclass(frozen=True)
class Window:
    """How long to measure: `rounds` rounds (after `limit` seconds three at least).

    Each form is called for `seconds` in each round, and at least once, after a call to warm up.
    """

    rounds: int
    seconds: float = 0.2
    limit: float = 120.0


def time_in_turn(forms: Forms, window: Window, settings: Settings) -> Times:
    """Time all forms in each round, every second round in reverse.

    Torch's timer waits for the device before it reads the clock.
    """
    rounds = 1 if settings.quick else window.rounds
    seconds = 1e-9 if settings.quick else window.seconds
    timers = {
        name: Timer("form()", globals={"form": form}, num_threads=settings.threads)
        for name, form in forms.items()
    }
    times: Times = {name: [] for name in forms}
    began = time.monotonic()
    with Progress("timing", total=rounds, unit="round") as progress:
        for number in range(rounds):
            if number >= FEWEST_ROUNDS and time.monotonic() - began > window.limit:
                break
            for name in list(forms)[:: 1 if number % 2 == 0 else -1]:
                block = timers[name].blocked_autorange(min_run_time=seconds)
                times[name].append(block.median)
            progress(number + 1, rounds)
    return times


def ratios(numerator: Sequence[float], denominator: Sequence[float]) -> list[float]:
    """The quotient within each round."""
    return [one / other for one, other in zip(numerator, denominator, strict=True)]


def rates(amount: float, seconds: Sequence[float]) -> list[float]:
    """`amount` per second, for each round."""
    return [amount / each for each in seconds]


def require_equal(what: str, ours: ArrayLike, baseline: ArrayLike, tolerance: float = 0.0) -> str:
    """A sentence for the record that two arrays agree. NaN agrees with NaN.

    `tolerance` is the largest absolute difference that is allowed. Raises Unequal.
    """
    mine, other = np.asarray(ours, np.float64), np.asarray(baseline, np.float64)
    if mine.shape != other.shape:
        raise Unequal(f"{what}: shapes differ, {mine.shape} and {other.shape}")
    if np.array_equal(mine, other, equal_nan=True):
        return f"{what}: equal"
    both_nan = np.isnan(mine) & np.isnan(other)
    largest = float(np.where(both_nan, 0.0, np.abs(mine - other)).max())
    if not largest <= tolerance:  # a NaN on one side is refused too
        raise Unequal(f"{what}: differs by {largest:.3g}, more than {tolerance:.3g}")
    return f"{what}: largest difference {largest:.2g} (allowed {tolerance:.2g})"


def convolution(dtype: torch.dtype, settings: Settings) -> tuple[Callable[[], object], int]:
    """One large convolution, channels innermost, and its floating-point operations.

    What the machine can do in this precision: the rate that a network's own is held against.
    """
    batch, channels, height, width = QUICK_CONVOLUTION if settings.quick else CONVOLUTION
    maps = torch.randn(batch, channels, height, width)
    kernel = torch.randn(channels, channels, 3, 3)
    maps, kernel = (
        each.to(settings.device, dtype, memory_format=torch.channels_last)
        for each in (maps, kernel)
    )

    def convolve() -> object:
        with torch.inference_mode():
            return F.conv2d(maps, kernel, padding=1)

    return convolve, 2 * 9 * batch * channels**2 * height * width
