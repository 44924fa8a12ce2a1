"""A real small training: blood cells, for minutes, with corner pooling or without.

A mid-size hourglass on images of 384 pixels, in bf16, compiled; then AP on val with a bootstrap
interval. Both start from the same random state and see the same images in the same order, for the
same time; the learning rate drops for the last fifth of it. A command each, so that one that is
stopped loses no more than its own minutes.
"""

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

from cornernet.benchmarks.agreement import require
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.gpu import note_of
from cornernet.benchmarks.record import Measurement, Result
from cornernet.benchmarks.short_training import follow, mid_size, new_trainer, real_split
from cornernet.benchmarks.timing import Spread
from cornernet.config.schema import Params
from cornernet.data.coco.split import CocoSplit
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_split
from cornernet.evaluation.bootstrap import confidence_intervals
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.model.cost import network_cost
from cornernet.training.trainer import Trainer

VARIANTS = {"baseline": True, "no_corner_pooling": False}  # whether corners are pooled
SECONDS, QUICK_SECONDS = 240.0, 1.0
RESAMPLES, QUICK_RESAMPLES = 1000, 10
MOST_ITERATIONS, QUICK_ITERATIONS = 10**6, 3


def run(conditions: Conditions) -> Result:
    """Train and test the baseline."""
    return _trained(conditions, "baseline")


def run_unpooled(conditions: Conditions) -> Result:
    """Train and test the network whose two maps are added unpooled."""
    return _trained(conditions, "no_corner_pooling")


def _trained(conditions: Conditions, variant: str) -> Result:
    """Train and test one of `VARIANTS`."""
    lines: list[str] = []
    params = _params(conditions, VARIANTS[variant])
    with tempfile.TemporaryDirectory() as folder:
        train, origin = real_split(conditions, "train", Path(folder))
        val, _ = real_split(conditions, "val", Path(folder))
        trainer = new_trainer(params, train, conditions.device, lines.append)
        seconds = QUICK_SECONDS if conditions.quick else SECONDS
        curve = follow(trainer, train, seconds)
        tested = _tested(conditions, trainer, val, variant)
    images, precision = len(curve.losses) * sum(params.train.chunks), params.train.precision
    pace = Spread.of([images / max(curve.seconds, 1e-9)])
    thinned = curve.losses[:: len(curve.losses) // 50 + 1]
    return Result(
        measurements=(
            Measurement("training", variant, pace, "images/s", precision),
            Measurement("images seen", variant, Spread.of([images]), "", precision),
            *tested,
        ),
        checks=(require("both variants have as many parameters", _alike(conditions)),),
        notes=(note_of(conditions.device, conditions.quick), origin, *lines),
        sizes={
            "pixels": params.augmentation.input_size,
            "chunks": list(params.train.chunks),
            "seconds": seconds,
            "losses": {variant: [round(loss, 4) for loss in thinned]},
        },
    )


def _params(conditions: Conditions, pooling: bool) -> Params:
    params = mid_size(
        conditions,
        precision="bf16",
        iterations=QUICK_ITERATIONS if conditions.quick else MOST_ITERATIONS,
        workers=0 if conditions.quick else max(1, (os.cpu_count() or 2) - 1),
    )
    model = dataclasses.replace(params.model, corner_pooling=pooling)
    detection = dataclasses.replace(params.detection, precision="bf16")
    return dataclasses.replace(params, model=model, detection=detection)


def _alike(conditions: Conditions) -> bool:
    counts = {
        network_cost(_params(conditions, pooling).model, 3, 511, last_only=False).parameters
        for pooling in VARIANTS.values()
    }
    return len(counts) == 1


def _tested(
    conditions: Conditions, trainer: Trainer, val: CocoSplit, variant: str
) -> list[Measurement]:
    """AP, AP50 and AP75 on val in percent: the value, and the ends of its 95 % interval."""
    params = trainer.params
    results = predict_split(
        as_network(trainer.model, params.detection.precision),
        params.model,
        val,
        params.detection,
        "single_scale",
        torch.device(conditions.device),
        lambda done, total: None,
    )
    resamples = QUICK_RESAMPLES if conditions.quick else RESAMPLES
    found = confidence_intervals(evaluate_detections(_annotations(val), results), resamples, seed=0)
    measurements = []
    for metric in ("AP", "AP50", "AP75"):
        value, low, high = (0.0 if end is None else end for end in found[metric])
        spread = Spread(value, low, high, resamples)
        case = f"{metric} on val (95 % interval)"
        measurements.append(Measurement(case, variant, spread, "percent", "bf16"))
    return measurements


def _annotations(split: CocoSplit) -> dict[str, Any]:
    """The split as the content of a COCO annotation file."""
    rows = []
    for image, boxes in zip(split.images, split.boxes, strict=True):
        for number, (x1, y1, x2, y2) in enumerate(boxes.boxes.tolist()):
            rows.append(
                {
                    "id": int(boxes.ids[number]),
                    "image_id": image.id,
                    "category_id": int(split.category_ids[boxes.categories[number]]),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(boxes.area[number]),
                    "iscrowd": int(boxes.crowd[number]),
                }
            )
    categories = [
        {"id": int(id_), "name": name}
        for id_, name in zip(split.category_ids, split.category_names, strict=True)
    ]
    images = [
        {"id": image.id, "file_name": image.file_name, "width": image.width, "height": image.height}
        for image in split.images
    ]
    return {"images": images, "categories": categories, "annotations": rows}
