"""What a training step and a test take on a device: seconds per image, memory by size of chunk.

A few of each with made-up images, so nothing is read and nothing is learned: what `cornernet plan`
extrapolates from. Uncompiled, for compiling the paper's network takes minutes: an upper bound.
"""

from dataclasses import replace
from itertools import repeat

import numpy as np
import torch
from torch import Tensor
from torch.utils.benchmark import Timer

from cornernet.commands.duration import Rates
from cornernet.config.schema import Params
from cornernet.data.sampling.samples import Chunk
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_images
from cornernet.model.network import CornerNet
from cornernet.training.group import Group
from cornernet.training.trainer import Trainer

STEPS, TIMED_TESTS = 3, 3
COCO_IMAGE = (480, 640)  # height and width of many of COCO's images


def measured_rates(params: Params, num_categories: int) -> Rates:
    """Time a few steps and tests on the first GPU, or on the CPU where there is none."""
    on_gpu = torch.cuda.is_available()
    device = "cuda:0" if on_gpu else "cpu"
    seconds, memory = measure_step(params, num_categories, device)
    return Rates(
        torch.cuda.get_device_name(0) if on_gpu else "CPU like this one",
        seconds,
        _seconds_per_test(params, num_categories, device),
        "measured just now, without reading images, uncompiled",
        memory,
    )


def measure_step(params: Params, num_categories: int, device: str) -> tuple[float, dict[int, int]]:
    """Seconds per image in steps of the largest chunk; a GPU's peak memory by size of chunk, bytes.

    Memory of a CPU is not measured. Raises BadInput when the device's memory does not hold a chunk.
    """
    sizes, memory = sorted(set(params.train.chunks)), {}
    if not device.startswith("cuda"):
        return _seconds_per_step(params, num_categories, device, sizes[-1]) / sizes[-1], {}
    for size in sizes:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        seconds = _seconds_per_step(params, num_categories, device, size)
        memory[size] = torch.cuda.max_memory_reserved(device)
    return seconds / sizes[-1], memory


def _seconds_per_step(params: Params, num_categories: int, device: str, images: int) -> float:
    """Mean seconds of a step of one chunk of `images` images, once the device is warm."""
    train = replace(params.train, chunks=(images,), compile=False)
    trainer = Trainer(replace(params, train=train), num_categories, 0, None, Group(), device)
    source = repeat({0: made_chunk(params, num_categories, images)})
    names = {"step": lambda: trainer.step(source)}
    timer = Timer("step()", globals=names, num_threads=train.threads)
    return timer.timeit(STEPS).mean  # it warms up first, and waits for the GPU


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


def _seconds_per_test(params: Params, num_categories: int, device: str) -> float:
    """Seconds for one image of noise at one scale: all steps of testing but reading the file."""
    torch.set_num_threads(params.detection.threads)
    side = params.augmentation.input_size
    shape = COCO_IMAGE if params.data.source == "coco" else (side, side)
    image = np.random.default_rng(0).integers(0, 256, size=(*shape, 3), dtype=np.uint8)
    model = CornerNet(num_categories, params.model).to(device)
    network, where = as_network(model, params.detection.precision), torch.device(device)

    def test() -> None:
        predict_images(network, params.model, [image], params.detection, where)

    timer = Timer("test()", globals={"test": test}, num_threads=params.detection.threads)
    return timer.timeit(TIMED_TESTS).median  # it warms up first
