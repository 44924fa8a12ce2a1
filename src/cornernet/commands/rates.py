"""How long a device takes per image, for `cornernet plan`: measured here, or as the authors say."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from cornernet.commands.measurement import measure_step
from cornernet.config import Params
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_image
from cornernet.model.network import CornerNet

# "Around 2 weeks with 10 Titan X" for 500,000 iterations of 49 images, the authors say (issue 67 of
# their repository): of a network whose forward pass in training takes 904.6 GFLOP per image.
AUTHORS_GPU_SECONDS_PER_IMAGE = 14 * 86400 * 10 / (500_000 * 49)
AUTHORS_TEST_SECONDS_PER_IMAGE = 0.244  # section 4.2
AUTHORS_OPERATIONS_PER_IMAGE = 904.63e9

TIMED_TESTS = 3  # after one that warms up
COCO_IMAGE = (480, 640)  # height and width of many of COCO's images
CPU_MEMORY = "at least: weights, gradients, Adam's moments and what a chunk's forward pass keeps"
GPU_MEMORY = "the peak of what PyTorch reserved"


@dataclass(frozen=True)
class Rates:
    """Seconds of one device per image, and where these numbers come from."""

    training: float
    testing: float  # at one scale, the mirrored image included
    source: str
    device: str = "GPU "  # in "GPU hours"; empty for a CPU
    memory: Mapping[int, int] = field(default_factory=dict)  # bytes by the images in a chunk
    memory_source: str = ""


def authors_rates(operations: int) -> Rates:
    """The authors' own, in proportion to a network's operations per training image, forward."""
    share = operations / AUTHORS_OPERATIONS_PER_IMAGE
    return Rates(
        AUTHORS_GPU_SECONDS_PER_IMAGE * share,
        AUTHORS_TEST_SECONDS_PER_IMAGE * share,
        "at the speed of the authors' Titan X (PASCAL), by their own word and section 4.2, in "
        "proportion to the network's operations",
    )


def measured_rates(params: Params, num_categories: int) -> Rates:
    """Time a few steps and tests on the first GPU, or on the CPU where there is none."""
    on_gpu = torch.cuda.is_available()
    device = "cuda:0" if on_gpu else "cpu"
    step = measure_step(params, num_categories, device)
    testing = _seconds_per_test(params, num_categories, device)
    name = torch.cuda.get_device_name(0) if on_gpu else "this CPU"
    return Rates(
        step.seconds_per_image,
        testing,
        f"measured on {name} just now: {1000 * step.seconds_per_image:,.1f} ms per image in "
        f"training, without reading images, uncompiled; {1000 * testing:,.1f} ms in testing, the "
        "mirrored image included",
        "GPU " if on_gpu else "",
        step.memory,
        GPU_MEMORY if step.memory_is_peak else CPU_MEMORY,
    )


def _seconds_per_test(params: Params, num_categories: int, device: str) -> float:
    """Seconds for one image of noise at one scale: all steps of testing but reading the file."""
    torch.set_num_threads(params.detection.threads)
    side = params.augmentation.input_size
    shape = COCO_IMAGE if params.data.source == "coco" else (side, side)
    image = np.random.default_rng(0).integers(0, 256, size=(*shape, 3), dtype=np.uint8)
    model = CornerNet(num_categories, params.model).to(device)
    network = as_network(model, params.detection.precision)
    began = 0.0
    for number in range(TIMED_TESTS + 1):
        if number == 1:
            began = time.perf_counter()
        predict_image(
            network, params.model, image, params.detection, "single_scale", torch.device(device)
        )
    return (time.perf_counter() - began) / TIMED_TESTS
