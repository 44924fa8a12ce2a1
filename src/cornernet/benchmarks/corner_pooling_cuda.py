"""Corner pooling on a GPU: Triton's scans, the plain form compiled, and the plain form.

In bf16 with the channels innermost, as the network trains, and as NCHW in fp32. Held against a
copy of as many bytes as the layer must at least move: two maps read and one written forward, one
read and two written backward, and a byte a cell for each record, written once and read once. Each
is launched as a whole, so that the GPU's time is measured and not that of the launches.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.floors import copy_bandwidth
from cornernet.benchmarks.gpu import as_cuda_graph, note_of, rates, synchronizer
from cornernet.benchmarks.record import Claim, Result, floor_of, timed, times_as_fast
from cornernet.benchmarks.timing import Side, Spread, time_in_turn
from cornernet.model import corner_pooling_plain
from cornernet.model.corner_pooling import corner_pool

SHAPES = ((5, 128, 128, 128), (2, 128, 128, 192))  # the paper's chunk; 640 x 480 with its mirror
QUICK_SHAPES = ((1, 4, 16, 12),)
KINDS = (
    ("bfloat16", torch.bfloat16, torch.channels_last),
    ("float32", torch.float32, torch.contiguous_format),
)
OURS, COMPILED, PLAIN = "ours", "plain form, compiled", "plain form"
AIM = 0.8  # of the measured bandwidth
MAPS_MOVED, RECORDS_MOVED = 6, 4

Maps = tuple[Tensor, Tensor, Tensor]


def run(conditions: Conditions) -> Result:
    """Time the three for each shape and type; the checks come first."""
    device, quick = conditions.device, conditions.quick
    window = conditions.window(rounds=30, seconds=6)
    bandwidth = copy_bandwidth(device, quick)
    compiled = _plain if quick else torch.compile(_plain, dynamic=False)
    measurements, claims, floors, checks = [], [], [], []
    for shape in QUICK_SHAPES if quick else SHAPES:
        for name, kind, layout in KINDS:
            case = f"{'x'.join(map(str, shape))} {name}"
            maps = _maps(shape, kind, layout, device)
            checks.append(_check(case, maps))
            forms = {OURS: _ours, COMPILED: compiled, PLAIN: _plain}
            sides: dict[str, Side] = {
                side: as_cuda_graph(partial(form, maps), device) for side, form in forms.items()
            }
            times = time_in_turn(sides, window, synchronizer(device))
            moved = maps[0].numel() * (MAPS_MOVED * maps[0].element_size() + RECORDS_MOVED)
            measurements += timed(case, times, name)
            measurements += rates(case, times, moved / 1e9, "GB/s", name)
            floors.append(floor_of(case, OURS, "memory", moved, bandwidth, times[OURS]))
            claims.append(times_as_fast(case, times, COMPILED, None))
            share = [moved / bandwidth / seconds for seconds in times[OURS].seconds]
            claims.append(Claim(case, "of the copy's bandwidth", Spread.of(share), AIM))
    return Result(
        measurements=tuple(measurements),
        claims=tuple(claims),
        floors=tuple(floors),
        checks=tuple(checks),
        notes=(note_of(device, quick), f"a copy moves {bandwidth / 1e9:.0f} GB/s"),
        sizes={"shapes": [list(shape) for shape in SHAPES], "corner": "top_left"},
        window=window,
    )


def _maps(
    shape: tuple[int, ...], kind: torch.dtype, layout: torch.memory_format, device: str
) -> Maps:
    """Whole numbers of few values: ties everywhere, and float32 sums exact in any order."""
    generator = torch.Generator().manual_seed(0)
    first, second, gradient = (
        torch.randint(-3, 3, shape, generator=generator).to(device, kind, memory_format=layout)
        for _ in range(3)
    )
    return first.requires_grad_(), second.requires_grad_(), gradient


def _ours(maps: Maps) -> tuple[Tensor, ...]:
    vertical, horizontal, gradient = maps
    pooled = corner_pool(vertical, horizontal, "top_left")
    return pooled, *torch.autograd.grad(pooled, (vertical, horizontal), gradient)


def _plain(maps: Maps) -> tuple[Tensor, ...]:
    """Forward and backward of the plain form, written out: no graph is kept."""
    vertical, horizontal, gradient = (each.detach() for each in maps)
    pool: Callable[..., tuple[Tensor, Tensor]] = corner_pooling_plain.pool
    down, first = pool(vertical, None, 2, True)
    pooled, second = pool(horizontal, down, 3, True)
    back = corner_pooling_plain.give_back
    return pooled, back(gradient, first, 2, True), back(gradient, second, 3, True)


def _check(case: str, maps: Maps) -> str:
    for name, ours, plain in zip(
        ("outputs", "vertical gradient", "horizontal gradient"),
        _ours(maps),
        _plain(maps),
        strict=True,
    ):
        mine, other = ours.detach().float().cpu(), plain.detach().float().cpu()
        require_same(f"{case}: {name}", mine, other)
    return f"{case}: outputs and gradients on ties equal to the plain form's"
