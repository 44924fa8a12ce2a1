"""What a training step takes on a device: seconds per image, and memory for each chunk size.

A few steps with made-up images, so nothing is read and nothing is learned: what `cornernet plan`
extrapolates from. Uncompiled, for compiling the paper's network takes minutes: an upper bound.
"""

import time
from dataclasses import dataclass, replace
from itertools import repeat

import torch
from torch import Tensor

from cornernet.config.schema import Params
from cornernet.data.sampling.chunks import Chunk
from cornernet.model.cost import network_cost
from cornernet.training.group import Group
from cornernet.training.trainer import Trainer

WARM_UP, STEPS = 2, 3  # the first steps choose kernels


@dataclass(frozen=True)
class StepMeasurement:
    """`memory`: bytes by size of chunk; the peak of a GPU, else what is kept for the gradients."""

    seconds_per_image: float
    memory: dict[int, int]
    memory_is_peak: bool


def measure_step(params: Params, num_categories: int, device: str) -> StepMeasurement:
    """Time steps of the largest chunk on one device; memory for each size of chunk.

    Raises BadInput when the device's memory does not hold a chunk.
    """
    sizes = sorted(set(params.train.chunks))
    if not device.startswith("cuda"):
        torch.set_num_threads(params.train.threads)
        seconds = _seconds_per_step(params, num_categories, device, sizes[-1])
        side = params.augmentation.input_size
        cost = network_cost(params.model, num_categories, (side, side), last_only=False)
        kept = {size: cost.training_memory(size) for size in sizes}
        return StepMeasurement(seconds / sizes[-1], kept, memory_is_peak=False)
    memory, seconds = {}, 0.0
    for size in sizes:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        seconds = _seconds_per_step(params, num_categories, device, size)
        memory[size] = torch.cuda.max_memory_reserved(device)
    return StepMeasurement(seconds / sizes[-1], memory, memory_is_peak=True)


def _seconds_per_step(params: Params, num_categories: int, device: str, images: int) -> float:
    """Mean seconds of a step of one chunk of `images` images, once the device is warm."""
    train = replace(params.train, chunks=(images,), iterations=WARM_UP + STEPS, compile=False)
    params = replace(params, train=train)
    trainer = Trainer(params, num_categories, 0, None, Group(), device)
    chunk = made_chunk(params, num_categories, images)
    source = repeat({0: chunk})
    for _ in range(WARM_UP):
        trainer.step(source)
    _wait_for(device)
    began = time.perf_counter()
    for _ in range(STEPS):
        trainer.step(source)
    _wait_for(device)
    return (time.perf_counter() - began) / STEPS


def made_chunk(params: Params, num_categories: int, images: int) -> Chunk:
    """A chunk of noise with as many objects as an image may have, drawn from a fixed seed."""
    draw = torch.Generator().manual_seed(0)
    side, slots = params.augmentation.input_size, params.targets.max_objects
    cells = (side + 1) // 4
    shape = (images, slots)

    def whole(below: int, *more: int) -> Tensor:
        return torch.randint(below, (*shape, *more), generator=draw)

    def fraction(*more: int) -> Tensor:
        return torch.rand((*shape, *more), generator=draw)

    return Chunk(
        image=torch.randn((images, 3, side, side), generator=draw),
        category=whole(num_categories),
        tl_cell=whole(cells, 2),
        br_cell=whole(cells, 2),
        tl_offset=fraction(2),
        br_offset=fraction(2),
        radius=3 * fraction(),
        mask=torch.ones(shape, dtype=torch.bool),
    )


def _wait_for(device: str) -> None:
    """Until all that was given to a GPU is done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
