"""One 640 x 480 image with its mirror through Hourglass-104: from pixels to the best hundred boxes.

Padding, the network, decoding and soft-NMS. The baseline is the network as it was trained, in fp32.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.measuring import (
    Settings,
    Window,
    convolution,
    rates,
    ratios,
    require_equal,
    time_in_turn,
)
from benchmarks.record import Record
from benchmarks.training import CATEGORIES, CONVOLUTION, QUICK_CATEGORIES, quick_params
from cornernet.config import load_params
from cornernet.detection.detector import placements_of
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_image
from cornernet.model.cost import network_cost
from cornernet.model.network import CornerNet, CornerOutputs

SIZE, QUICK_SIZE = (480, 640), (48, 60)  # height, width
WINDOW = Window(rounds=9, seconds=0.3, limit=120)
BASELINE, FP32, BF16 = "network as trained, fp32", "fp32", "bf16"
SAME, SAME_BF16 = 1e-3, 0.1  # relative to the largest value of a map
SAME_SCORES = 1e-3

Network = Callable[[Tensor], CornerOutputs]


def tested_image(settings: Settings, record: Record) -> None:
    """Time one image in fp32 and bf16."""
    params = load_params("paper")
    params = quick_params(params) if settings.quick else params
    record.window(WINDOW)
    categories = QUICK_CATEGORIES if settings.quick else CATEGORIES
    torch.manual_seed(0)
    model = CornerNet(categories, params.model).eval().to(settings.device)
    record.note("random weights: corners are found everywhere, as many as are asked for")
    networks = {
        FP32: as_network(model),
        BF16: as_network(model, "bf16"),
        BASELINE: _as_trained(model),
    }
    image = _image(settings, record)
    multiple, mode = params.model.size_multiple, "single_scale"
    (placement,) = placements_of(*image.shape[:2], multiple, params.detection, mode)
    height, width = placement.padded
    record.sizes(height=image.shape[0], width=image.shape[1], padded=[height, width])
    device = torch.device(settings.device)
    forms: dict[str, Callable[[], Any]] = {
        name: partial(predict_image, network, params.model, image, params.detection, device)
        for name, network in networks.items()
    }
    record.check(_require_same_maps(networks, torch.randn(2, 3, height, width).to(device)))
    scores = [forms[name]().scores for name in (FP32, BASELINE)]
    record.check(require_equal("fp32: scores of the detections", *scores, SAME_SCORES))
    for name, dtype in ((FP32, torch.float32), (BF16, torch.bfloat16)):
        forms[f"{CONVOLUTION}, {name}"], convolved = convolution(dtype, settings)
    times = time_in_turn(forms, WINDOW, settings)
    cost = network_cost(params.model, categories, (height, width), last_only=True)
    work = 2 * cost.operations  # with its mirror
    what = "one image with its mirror"
    for name in networks:
        record.add(what, name, [1000 * seconds for seconds in times[name]], "ms")
    for name in (FP32, BF16):
        record.add(what, f"{BASELINE} / {name}", ratios(times[BASELINE], times[name]), "times")
        best = rates(convolved, times[f"{CONVOLUTION}, {name}"])
        share = ratios(rates(work, times[name]), best)
        record.add(what, f"{name}: of the convolution's rate", share, "share")


def _as_trained(model: CornerNet) -> Network:
    """Its own modules, batch norm apart from convolutions; no TF32, which is not fp32."""

    def network(images: Tensor) -> CornerOutputs:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return model(images, last_only=True)[-1]

    return network


def _image(settings: Settings, record: Record) -> NDArray[np.uint8]:
    """A photograph of COCO, or noise.  uint8 [H, W, 3]"""
    height, width = QUICK_SIZE if settings.quick else SIZE
    photos = sorted((settings.data / "coco_mini").rglob("*.jpg"))
    if photos:
        record.note(f"image: {photos[0].name}")
        return cv2.resize(cv2.imread(str(photos[0])), (width, height)).astype(np.uint8)
    record.note("image: noise, for no photograph of COCO is at hand")
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _require_same_maps(networks: dict[str, Network], images: Tensor) -> str:
    """All maps of both forms against the baseline's."""
    with torch.inference_mode():
        outputs = {name: network(images) for name, network in networks.items()}
    for name, tolerance in ((FP32, SAME), (BF16, SAME_BF16)):
        for field, ours, exact in zip(
            CornerOutputs._fields, outputs[name], outputs[BASELINE], strict=True
        ):
            scale = exact.abs().max()
            mine, other = ((each.float() / scale).cpu() for each in (ours, exact))
            require_equal(f"{name}: {field}", mine, other, tolerance)
    return f"maps within {SAME:g} (fp32) and {SAME_BF16:g} (bf16) of the baseline's largest value"
