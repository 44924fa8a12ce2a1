"""Corner pooling (section 3.4), forward and backward, beside `torch.cummax` on flipped maps.

The yardstick is what one would write with torch's own operations. On ties `cummax` hands the
gradient to another cell than the paper's code does, so the sides are held together on maps without
ties, and ours on maps full of them against a slow form that follows the rule.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.floors import copy_bandwidth
from cornernet.benchmarks.record import Result, floor_of, timed, times_as_fast
from cornernet.benchmarks.timing import time_in_turn
from cornernet.model.corner_pooling import Corner, corner_pool

# The maps of the paper's prediction modules for one image, and of a chunk at half the size.
SHAPES = ((1, 128, 128, 128), (8, 128, 64, 64))
QUICK_SHAPES = ((1, 4, 16, 12), (2, 3, 8, 8))
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}
YARDSTICK = "flip + cummax"
AIM = 2.5
# Forward reads two maps and writes one, backward reads one and writes two.
MAPS_MOVED = 6

Pool = Callable[[Tensor, Tensor, Corner], Tensor]


def run(conditions: Conditions) -> Result:
    """Time the layer for both layouts of memory; the checks come first."""
    window = conditions.window(rounds=30, seconds=12)
    bandwidth = copy_bandwidth(quick=conditions.quick)
    measurements, claims, floors = [], [], []
    checks = [_check_ties()]
    shapes = QUICK_SHAPES if conditions.quick else SHAPES
    for shape in shapes:
        for layout in LAYOUTS:
            case = f"{'x'.join(map(str, shape))} {layout}"
            maps = _maps(shape, LAYOUTS[layout])
            checks += _check_without_ties(case, maps)
            sides = {
                "ours": partial(_forward_backward, corner_pool, *maps),
                YARDSTICK: partial(_forward_backward, flip_and_cummax, *maps),
            }
            times = time_in_turn(sides, window)
            measurements += timed(case, times)
            claims.append(times_as_fast(case, times, YARDSTICK, AIM))
            moved = MAPS_MOVED * maps[0].numel() * maps[0].element_size()
            floors.append(floor_of(case, "ours", "memory", moved, bandwidth, times["ours"]))
    return Result(
        measurements=tuple(measurements),
        claims=tuple(claims),
        floors=tuple(floors),
        checks=tuple(checks),
        sizes={"shapes": [list(shape) for shape in shapes], "corner": "top_left"},
        window=window,
    )


def flip_and_cummax(vertical: Tensor, horizontal: Tensor, corner: Corner) -> Tensor:
    """Corner pooling by torch's running maximum: from the far end for top-left corners."""
    if corner == "bottom_right":
        return vertical.cummax(2).values + horizontal.cummax(3).values
    down = vertical.flip(2).cummax(2).values.flip(2)
    return down + horizontal.flip(3).cummax(3).values.flip(3)


def first_maximum(vertical: Tensor, horizontal: Tensor, corner: Corner) -> Tensor:
    """The same maxima, each taken from the first cell in the scan that has it (the tie rule)."""
    if corner == "top_left":
        flipped = first_maximum(vertical.flip(2, 3), horizontal.flip(2, 3), "bottom_right")
        return flipped.flip(2, 3)
    return _first_along(vertical, 2) + _first_along(horizontal, 3)


def _first_along(features: Tensor, dim: int) -> Tensor:
    running = features.detach().cummax(dim).values
    length = features.shape[dim]
    rises = torch.ones_like(features, dtype=torch.bool)
    before, after = running.narrow(dim, 0, length - 1), running.narrow(dim, 1, length - 1)
    rises.narrow(dim, 1, length - 1).copy_(after > before)
    places = torch.arange(length).view([-1 if axis == dim else 1 for axis in range(4)])
    source = torch.where(rises, places, 0).cummax(dim).values
    return features.gather(dim, source)


def _maps(shape: tuple[int, ...], layout: torch.memory_format) -> tuple[Tensor, Tensor, Tensor]:
    """Two inputs without ties along a line, and the gradient that comes back.  each [B, C, H, W]"""
    generator = torch.Generator().manual_seed(0)
    first, second, gradient = (
        torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    return (
        first.float().to(memory_format=layout).requires_grad_(),
        second.float().to(memory_format=layout).requires_grad_(),
        gradient.float().to(memory_format=layout),
    )


def _forward_backward(
    pool: Pool, vertical: Tensor, horizontal: Tensor, gradient: Tensor, corner: Corner = "top_left"
) -> tuple[Tensor, ...]:
    pooled = pool(vertical, horizontal, corner)
    return (pooled, *torch.autograd.grad(pooled, (vertical, horizontal), gradient))


def _check_without_ties(case: str, maps: tuple[Tensor, Tensor, Tensor]) -> list[str]:
    """Outputs equal to the bit; gradients but for the order of float32 additions."""
    ours, theirs = (
        [each.detach() for each in _forward_backward(pool, *maps)]
        for pool in (corner_pool, flip_and_cummax)
    )
    longest = max(maps[0].shape[2:])
    rounding = longest * torch.finfo(torch.float32).eps * longest  # sums of up to `longest` ones
    return [
        require_same(f"{case}: outputs", ours[0], theirs[0]),
        *(
            require_same(f"{case}: gradient of the {name} map", mine, other, rounding)
            for name, mine, other in zip(
                ("vertical", "horizontal"), ours[1:], theirs[1:], strict=True
            )
        ),
    ]


def _check_ties() -> str:
    """Whole numbers of few values: ties everywhere, and sums that are exact in any order."""
    generator = torch.Generator().manual_seed(1)

    def whole() -> Tensor:
        return torch.randint(0, 3, (2, 3, 17, 19), generator=generator).float()

    for corner in ("top_left", "bottom_right"):
        maps = (whole().requires_grad_(), whole().requires_grad_(), whole())
        ours, rule = (
            _forward_backward(pool, *maps, corner=corner)  # type: ignore[arg-type]
            for pool in (corner_pool, first_maximum)
        )
        for mine, other in zip(ours, rule, strict=True):
            require_same(f"{corner} with ties", mine.detach(), other.detach())
    return "outputs and gradients on ties: equal to the rule of the paper's code"
