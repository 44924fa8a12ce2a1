"""Testing one 640 x 480 image with its mirror, from pixels to the best hundred boxes.

In fp32 and bf16, uncompiled and compiled (a CUDA graph), each end to end: padding, the network,
decoding, soft-NMS. Then a split of such images through `predict_split`, read from files.
"""

import dataclasses
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.floors import matrix_rate
from cornernet.benchmarks.gpu import note_of, synchronizer
from cornernet.benchmarks.made_chunks import CATEGORIES, QUICK_CATEGORIES, quick_params
from cornernet.benchmarks.photos import made_photos
from cornernet.benchmarks.record import Claim, Measurement, Result, floor_of, timed
from cornernet.benchmarks.timing import Side, Spread, time_in_turn
from cornernet.config.schema import Detection, Params
from cornernet.detection.detector import placements_of
from cornernet.detection.network import Network, as_network
from cornernet.detection.predict import predict_image, predict_split
from cornernet.model.cost import network_cost
from cornernet.model.network import CornerNet

SIZE, QUICK_SIZE = (480, 640), (48, 60)  # height, width
AIM = 15.0  # milliseconds; the paper has 244
SPLIT, QUICK_SPLIT = 96, 3
SAME = 0.1  # bf16 against fp32, relative to the largest value of a map
FP32, BF16, BF16_COMPILED = "fp32", "bf16", "bf16, compiled"


def run(conditions: Conditions) -> Result:
    """Time one image each way, then a split in the way that suits many sizes."""
    quick, device = conditions.quick, conditions.device
    params = quick_params(conditions.params) if quick else conditions.params
    categories = QUICK_CATEGORIES if quick else CATEGORIES
    size = QUICK_SIZE if quick else SIZE
    window = conditions.window(rounds=15, seconds=15)
    networks = _networks(params, categories, device)
    check = _check(networks, params, size, device)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    sides: dict[str, Side] = {
        name: partial(
            predict_image,
            network,
            params.model,
            image,
            _detection(params, name),
            "single_scale",
            torch.device(device),
        )
        for name, network in networks.items()
    }
    with torch.inference_mode():
        times = time_in_turn(sides, window, synchronizer(device))
    best = min((BF16, BF16_COMPILED), key=lambda name: times[name].spread.median)
    split, amount = _split(conditions, params, networks[BF16], size)
    (placement,) = placements_of(
        *size, params.model.size_multiple, params.detection, "single_scale"
    )
    square = network_cost(params.model, categories, params.augmentation.input_size, True).operations
    cells = placement.padded[0] * placement.padded[1] / params.augmentation.input_size**2
    rate = matrix_rate(torch.bfloat16, device, quick)
    milliseconds, lower = times[best].spread, {n: times[n] for n in (BF16, BF16_COMPILED)}
    return Result(
        measurements=(
            *timed("one image with its mirror", {FP32: times[FP32]}),
            *timed("one image with its mirror", lower, "bfloat16"),
            split,
        ),
        claims=(Claim("one image with its mirror", "milliseconds", milliseconds, AIM, False),),
        floors=(floor_of("one image", best, "arithmetic", 2 * cells * square, rate, times[best]),),
        checks=check,
        notes=(
            note_of(device, quick),
            "random weights: corners are found everywhere, as many as are asked for",
        ),
        sizes={"height": size[0], "width": size[1], "images of the split": amount},
        window=window,
    )


def _networks(params: Params, categories: int, device: str) -> dict[str, Network]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CornerNet(categories, params.model).eval().to(device)
    return {
        FP32: as_network(model),
        BF16: as_network(model, "bf16"),
        BF16_COMPILED: as_network(model, "bf16", compiled=True),
    }


def _detection(params: Params, name: str) -> Detection:
    precision = "fp32" if name == FP32 else "bf16"
    return dataclasses.replace(params.detection, precision=precision)  # type: ignore[arg-type]


def _check(
    networks: dict[str, Network], params: Params, size: tuple[int, int], device: str
) -> tuple[str, ...]:
    """All maps of each way against fp32's, on an image and its mirror of the canvas's size."""
    (placement,) = placements_of(
        *size, params.model.size_multiple, params.detection, "single_scale"
    )
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, *placement.padded, generator=generator).to(device)
    with torch.inference_mode():
        outputs = {name: network(images) for name, network in networks.items()}
    for name in (BF16, BF16_COMPILED):
        for field, ours, exact in zip(
            outputs[FP32]._fields, outputs[name], outputs[FP32], strict=True
        ):
            scale = exact.abs().max()
            mine, other = ((each.float() / scale).cpu() for each in (ours, exact))
            require_same(f"{name}: {field}", mine, other, SAME)
    return (f"all maps of both bf16 ways within {SAME:.0%} of fp32's largest value",)


def _split(
    conditions: Conditions, params: Params, network: Network, size: tuple[int, int]
) -> tuple[Measurement, int]:
    """Images a second over a split of files, `detection.batch_size` at a time."""
    count = QUICK_SPLIT if conditions.quick else SPLIT
    device = torch.device(conditions.device)
    with tempfile.TemporaryDirectory() as folder:
        split = made_photos(Path(folder), size, count)
        seconds = []
        for _ in range(1 if conditions.quick else 3):
            began = time.perf_counter()
            predict_split(
                network,
                params.model,
                split,
                _detection(params, BF16),
                "single_scale",
                device,
                lambda done, total: None,
            )
            seconds.append(time.perf_counter() - began)
    speeds = Spread.of([count / value for value in seconds])
    case = f"a split, {params.detection.batch_size} images at a time"
    return Measurement(case, BF16, speeds, "images/s", "bfloat16"), count
