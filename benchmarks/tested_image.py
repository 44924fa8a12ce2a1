"""One 640 x 480 image with its mirror through Hourglass-104: from pixels to the best hundred boxes.

Padding, the network, decoding and soft-NMS. The baseline is the network as it was trained, in fp32.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.measuring import (
    REPOSITORY,
    Settings,
    Window,
    convolution,
    operations,
    ratios,
    require_equal,
    time_in_turn,
)
from benchmarks.record import Record
from benchmarks.training import CATEGORIES, CONVOLUTION, QUICK_CATEGORIES, quick_params
from cornernet.config import load_params
from cornernet.config.schema import Params
from cornernet.detection.detector import Detections, placements_of
from cornernet.detection.network import as_network
from cornernet.detection.padding import Placement
from cornernet.detection.predict import predict_image
from cornernet.model.network import CornerNet, CornerOutputs
from cornernet.model.weights import load_weights, num_categories

SIZE, QUICK_SIZE = (480, 640), (48, 60)  # height, width
WINDOW = Window(rounds=9, seconds=0.3, limit=120)
BASELINE, FP32, BF16 = "network as trained, fp32", "fp32", "bf16"
SAME, SAME_BF16 = 1e-3, 0.1  # relative to the largest value of a map
SAME_SCORES = 1e-3
AIM_MILLISECONDS = 15.0  # on one H100; the paper has 244

Network = Callable[[Tensor], CornerOutputs]


def tested_image(settings: Settings, record: Record) -> None:
    """Time one image in fp32 and bf16."""
    params = load_params("paper", folder=REPOSITORY / "params")
    params = quick_params(params) if settings.quick else params
    model, categories = _model(params, settings, record)
    networks = {
        FP32: as_network(model),
        BF16: as_network(model, "bf16"),
        BASELINE: _as_trained(model),
    }
    image, origin = _image(settings)
    record.note(origin)
    detect = {name: _detector(one, params, image, settings) for name, one in networks.items()}
    _check(networks, detect, params, image, settings, record)
    forms: dict[str, Callable[[], object]] = {**detect}
    kinds = {FP32: torch.float32, BF16: torch.bfloat16}
    rates = {name: convolution(dtype, settings) for name, dtype in kinds.items()}
    forms |= {f"{CONVOLUTION}, {name}": convolve for name, (convolve, _) in rates.items()}
    times = time_in_turn(forms, WINDOW, settings)
    height, width = _placement(params, image).padded
    record.sizes(height=image.shape[0], width=image.shape[1], padded=[height, width])
    work = 2 * operations(params, categories, height, width, last_only=True)
    what = "one image with its mirror"
    for name in networks:
        milliseconds = [1000 * seconds for seconds in times[name]]
        aim = AIM_MILLISECONDS if name == BF16 and settings.device != "cpu" else None
        precision = BF16 if name == BF16 else FP32
        record.add(what, name, milliseconds, "ms", WINDOW, precision, at_most=aim)
    for name, (_, convolved) in rates.items():
        times_as_fast = ratios(times[BASELINE], times[name])
        record.add(what, f"{BASELINE} / {name}", times_as_fast, "times", WINDOW, name)
        ours = [work / seconds for seconds in times[name]]
        best = [convolved / seconds for seconds in times[f"{CONVOLUTION}, {name}"]]
        form = f"{name}: of the convolution's rate"
        record.add(what, form, ratios(ours, best), "share", WINDOW, name)


def _model(params: Params, settings: Settings, record: Record) -> tuple[CornerNet, int]:
    """The network to test with, trained or random, and its categories."""
    torch.manual_seed(0)
    if settings.weights is None:
        categories = QUICK_CATEGORIES if settings.quick else CATEGORIES
        model = CornerNet(categories, params.model)
        record.note("random weights: corners are found everywhere, as many as are asked for")
    else:
        categories = num_categories(settings.weights)
        model = CornerNet(categories, params.model)
        load_weights(settings.weights, model)
        record.note(f"weights: {settings.weights}")
    return model.eval().to(settings.device), categories


def _as_trained(model: CornerNet) -> Network:
    """Its own modules, batch norm apart from convolutions; no TF32, which is not fp32."""

    def network(images: Tensor) -> CornerOutputs:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return model(images, last_only=True)[-1]

    return network


def _image(settings: Settings) -> tuple[NDArray[np.uint8], str]:
    """A photograph of COCO, or noise.  uint8 [H, W, 3]"""
    height, width = QUICK_SIZE if settings.quick else SIZE
    photos = sorted((settings.data / "coco_mini").rglob("*.jpg"))
    if photos:
        photo = cv2.imread(str(photos[0]))
        return cv2.resize(photo, (width, height)).astype(np.uint8), f"image: {photos[0].name}"
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return noise, "image: noise, for no photograph of COCO is at hand"


def _detector(
    network: Network, params: Params, image: NDArray[np.uint8], settings: Settings
) -> Callable[[], Detections]:
    """`cornernet detect`, once the network is loaded and the image is read."""
    device = torch.device(settings.device)
    return partial(
        predict_image, network, params.model, image, params.detection, "single_scale", device
    )


def _placement(params: Params, image: NDArray[np.uint8]) -> Placement:
    height, width = image.shape[:2]
    (placement,) = placements_of(
        height, width, params.model.size_multiple, params.detection, "single_scale"
    )
    return placement


def _check(
    networks: dict[str, Network],
    detect: dict[str, Callable[[], Detections]],
    params: Params,
    image: NDArray[np.uint8],
    settings: Settings,
    record: Record,
) -> None:
    """All maps of both forms against the baseline's, and fp32's scores of detections."""
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, *_placement(params, image).padded, generator=draw)
    with torch.inference_mode():
        outputs = {name: one(images.to(settings.device)) for name, one in networks.items()}
    for name, tolerance in ((FP32, SAME), (BF16, SAME_BF16)):
        for field, ours, exact in zip(
            CornerOutputs._fields, outputs[name], outputs[BASELINE], strict=True
        ):
            scale = exact.abs().max()
            mine, other = ((each.float() / scale).cpu() for each in (ours, exact))
            record.check(require_equal(f"{name}: {field}", mine, other, tolerance))
    ours, exact = detect[FP32]().scores, detect[BASELINE]().scores
    record.check(require_equal("fp32: scores of the detections", ours, exact, SAME_SCORES))
