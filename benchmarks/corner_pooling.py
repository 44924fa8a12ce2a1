"""Corner pooling (section 3.4), forward and backward, beside `torch.cummax` on flipped maps.

Held against a copy: two maps are read and one is written forward, one is read and two are written
backward, and a byte per cell for each record is written once and read once.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.measuring import Settings, Window, rates, ratios, require_equal, time_in_turn
from benchmarks.record import Record
from cornernet.model.corner_pooling import Corner, corner_pool

SHAPES = ((5, 128, 128, 128), (2, 128, 128, 192))  # the paper's chunk; 640 x 480 with its mirror
QUICK_SHAPES = ((1, 4, 16, 12),)
KINDS = (
    ("bf16, channels last", torch.bfloat16, torch.channels_last),  # as the network trains in bf16
    ("fp32", torch.float32, torch.contiguous_format),
)
OURS, BASELINE, COPY = "ours", "flip + cummax", "copy"
COPIED_BYTES = 256 * 2**20  # far more than any cache holds
MAPS_MOVED, RECORDS_MOVED = 6, 4
WINDOW = Window(rounds=15, seconds=0.1, limit=15)

Pool = Callable[[Tensor, Tensor, Corner], Tensor]
Maps = tuple[Tensor, Tensor, Tensor]  # vertical, horizontal, gradient; each [B, C, H, W]


def corner_pooling(settings: Settings, record: Record) -> None:
    """Time the layer for each shape and type."""
    shapes = QUICK_SHAPES if settings.quick else SHAPES
    record.window(WINDOW)
    source = torch.zeros(COPIED_BYTES // (1024 if settings.quick else 4), device=settings.device)
    target = torch.empty_like(source)
    record.sizes(shapes=[list(shape) for shape in shapes], corner="top_left")
    for shape in shapes:
        for kind, dtype, layout in KINDS:
            what = "x".join(map(str, shape))
            maps = made_maps(shape, dtype, layout, settings.device)
            record.check(_require_same(f"{what} {kind}", maps))
            forms = {
                OURS: as_cuda_graph(partial(forward_backward, corner_pool, maps)),
                BASELINE: as_cuda_graph(partial(forward_backward, flip_and_cummax, maps)),
                COPY: partial(target.copy_, source),
            }
            times = time_in_turn(forms, WINDOW, settings)
            moved = maps[0].numel() * (MAPS_MOVED * maps[0].element_size() + RECORDS_MOVED)
            copied = 2 * source.numel() * source.element_size()  # read and written
            share = ratios(rates(moved, times[OURS]), rates(copied, times[COPY]))
            for name in (OURS, BASELINE):
                milliseconds = [1000 * s for s in times[name]]
                record.add(what, name, milliseconds, "ms", kind)
            times_as_fast = ratios(times[BASELINE], times[OURS])
            record.add(what, f"{BASELINE} / {OURS}", times_as_fast, "times", kind)
            record.add(what, "of the copy's bandwidth", share, "share", kind)


def flip_and_cummax(vertical: Tensor, horizontal: Tensor, corner: Corner) -> Tensor:
    """Top-left corner pooling by torch's running maximum, from the far end."""
    down = vertical.flip(2).cummax(2).values.flip(2)
    return down + horizontal.flip(3).cummax(3).values.flip(3)


def made_maps(
    shape: tuple[int, ...], dtype: torch.dtype, layout: torch.memory_format, device: str
) -> Maps:
    """Whole numbers, no two alike along a line, and a gradient of -1, 0 and 1.

    On ties `cummax` hands the gradient to another cell than the paper's code does. Numbers up to
    256 are exact in bf16, so that sums of such gradients come out the same in any order.
    """
    draw = torch.Generator().manual_seed(0)
    vertical = torch.rand(shape, generator=draw).argsort(dim=2)
    horizontal = torch.rand(shape, generator=draw).argsort(dim=3)
    gradient = torch.randint(-1, 2, shape, generator=draw)
    made = [
        each.to(device, dtype, memory_format=layout) for each in (vertical, horizontal, gradient)
    ]
    return made[0].requires_grad_(), made[1].requires_grad_(), made[2]


def forward_backward(pool: Pool, maps: Maps) -> tuple[Tensor, ...]:
    """The pooled map, and the gradients of both inputs."""
    vertical, horizontal, gradient = maps
    pooled = pool(vertical, horizontal, "top_left")
    return pooled, *torch.autograd.grad(pooled, (vertical, horizontal), gradient)


def _require_same(what: str, maps: Maps) -> str:
    ours, baseline = forward_backward(corner_pool, maps), forward_backward(flip_and_cummax, maps)
    for name, mine, other in zip(
        ("outputs", "vertical", "horizontal"), ours, baseline, strict=True
    ):
        mine, other = (each.detach().float().cpu() for each in (mine, other))
        require_equal(f"{what}: {name}", mine, other)
    return f"{what}: outputs and both gradients equal to the bit"


def as_cuda_graph(work: Callable[[], object]) -> Callable[[], object]:
    """`work`, launched as a whole: it takes a GPU less time than Python to ask for its parts.

    In training the CPU is ahead of the GPU, and what it takes to launch a layer does not show.
    """
    if not torch.cuda.is_available():
        return work
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # compiles and chooses kernels: a capture must not
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
