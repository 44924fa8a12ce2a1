"""How long a device takes per image, for `cornernet plan`: measured, or estimated.

Imports that only a measurement needs are made there, so that `plan` answers in seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from cornernet.config import Params

# The part of a card's peak that a training reaches, by precision. Estimates, each from a training:
# fp32: the authors' own, 14 days x 10 TITAN X for 500,000 x 49 images of 3 x 904.6 GFLOP (issue 67
# of their repository). The others: ResNet-50 (24.5 GFLOP per training image) on an A100, 938 and
# 2470 images/s in NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/resnet50v1.5.
UTILISATION = {"fp32": 0.50, "tf32": 0.15, "bf16": 0.19}
TITAN_X = "TITAN X (Pascal)"

# Peak TFLOP/s by precision: dense, sums in fp32.
PEAK: dict[str, dict[str, float]] = {
    # 3,584 cores x 2 x 1.531 GHz: https://www.nvidia.com/en-us/titan/titan-x-pascal/ (11 TFLOPS)
    TITAN_X: {"fp32": 11.0},
    # V100 (SXM2) data sheet, NVIDIA, 2020
    "V100": {"fp32": 15.7},
    # Ada GPU architecture white paper, NVIDIA, 2022, appendix A
    "RTX 4090": {"fp32": 82.6, "tf32": 82.6, "bf16": 165.2},
    # A100 80GB (SXM) data sheet, NVIDIA, 2021
    "A100": {"fp32": 19.5, "tf32": 156, "bf16": 312},
    # H100 (SXM) data sheet, NVIDIA, 2023: half of its figures "with sparsity"
    "H100": {"fp32": 67, "tf32": 494, "bf16": 989},
}

# "Around 2 weeks with 10 Titan X" for 500,000 iterations of 49 images, the authors say (issue 67 of
# their repository): of a network whose forward pass in training takes 904.6 GFLOP per image.
AUTHORS_GPU_SECONDS_PER_IMAGE = 14 * 86400 * 10 / (500_000 * 49)
AUTHORS_TEST_SECONDS_PER_IMAGE = 0.244  # section 4.2
AUTHORS_OPERATIONS_PER_IMAGE = 904.63e9
# Of the network that `python -m benchmarks` times, the paper's; see tests/model/test_network.py.
BENCHMARKS_OPERATIONS_PER_IMAGE = 938_992_467_968
PASSES = 3  # forward, backward for the maps and backward for the weights

TIMED_TESTS = 3
COCO_IMAGE = (480, 640)  # height and width of many of COCO's images


@dataclass(frozen=True)
class Rates:
    """Seconds of one device per image, and where these numbers come from."""

    name: str  # of the device
    training: float
    testing: float  # at one scale, the mirrored image included
    source: str
    memory: Mapping[int, int] = field(default_factory=dict)  # measured: bytes by size of chunk


def rates_by_card(params: Params, operations: int, benchmarks: Path) -> list[Rates]:
    """The authors' card first, then today's that have `train.precision`.

    Estimates, in proportion to the network's operations per training image (forward); what the
    benchmarks' records in the folder `benchmarks` have for a card replaces them.
    """
    relative = operations / AUTHORS_OPERATIONS_PER_IMAGE
    testing = AUTHORS_TEST_SECONDS_PER_IMAGE * relative
    training = AUTHORS_GPU_SECONDS_PER_IMAGE * relative
    found = {TITAN_X: Rates(TITAN_X, training, testing, "the authors and section 4.2")}
    kind, test_kind = params.train.precision, params.detection.precision
    authors_rate = PEAK[TITAN_X]["fp32"] * UTILISATION["fp32"]
    for name, peak in PEAK.items():
        if name != TITAN_X and kind in peak:
            seconds = PASSES * operations / (peak[kind] * 1e12 * UTILISATION[kind])
            tested = testing * authors_rate / (peak[test_kind] * UTILISATION[test_kind])
            source = f"estimate: {UTILISATION[kind]:.0%} of {peak[kind]:g} TFLOP/s in {kind}"
            found[name] = Rates(name, seconds, tested, source)
    relative = operations / BENCHMARKS_OPERATIONS_PER_IMAGE
    for path in sorted(benchmarks.glob("*.json")):  # "step" comes before "tested_image"
        record = json.loads(path.read_text())
        if record["device"] != "cuda" or record["quick"]:
            continue
        gpu = record["hardware"]["gpus"][0]
        name = next((name for name in PEAK if name in gpu), gpu)
        medians = {(m["what"], m["form"], m["unit"]): m["median"] for m in record["measurements"]}
        if step := medians.get(("a step", kind, "images/s")):
            before = found.get(name, Rates(gpu, training, testing, ""))
            found[name] = replace(before, training=relative / step, source=f"measured: {path}")
        test = medians.get(("one image with its mirror", test_kind, "ms"))
        if test and name in found:
            found[name] = replace(found[name], testing=relative * test / 1000)
    return list(found.values())


def measured_rates(params: Params, num_categories: int) -> Rates:
    """Time a few steps and tests on the first GPU, or on the CPU where there is none."""
    from cornernet.commands.measurement import measure_step

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


def _seconds_per_test(params: Params, num_categories: int, device: str) -> float:
    """Seconds for one image of noise at one scale: all steps of testing but reading the file."""
    from torch.utils.benchmark import Timer

    from cornernet.detection.network import as_network
    from cornernet.detection.predict import predict_image
    from cornernet.model.network import CornerNet

    torch.set_num_threads(params.detection.threads)
    side = params.augmentation.input_size
    shape = COCO_IMAGE if params.data.source == "coco" else (side, side)
    image = np.random.default_rng(0).integers(0, 256, size=(*shape, 3), dtype=np.uint8)
    model = CornerNet(num_categories, params.model).to(device)
    network, where = as_network(model, params.detection.precision), torch.device(device)

    def test() -> None:
        predict_image(network, params.model, image, params.detection, "single_scale", where)

    timer = Timer("test()", globals={"test": test}, num_threads=params.detection.threads)
    return timer.timeit(TIMED_TESTS).median  # it warms up first
