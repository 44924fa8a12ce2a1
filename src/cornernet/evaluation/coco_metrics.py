"""COCO's box metrics: average precision and recall, as the COCO API defines them (section 4.3).

    evaluated = evaluate_detections(Path("instances_val2017.json"), Path("detections.json"))
    print(evaluated.metrics["AP"])

Metrics are in percent; one that no object of the split defines is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cornernet.evaluation.average_precision import (
    RECALL_THRESHOLDS,
    accumulate,
    mean_over_categories,
)
from cornernet.evaluation.coco_results import read_coco_results
from cornernet.evaluation.ground_truth import read_ground_truth
from cornernet.evaluation.matching import AREA_NAMES, IOU_THRESHOLDS, match_boxes
from cornernet.evaluation.metric_names import METRICS, defined
from cornernet.evaluation.ranking import Rankings, rank


@dataclass(frozen=True)
class Evaluated:
    """Detections of one split, matched and scored: plain arrays, so it can be pickled."""

    annotations_digest: str  # SHA-256 of the annotation file that was read
    image_ids: np.ndarray  # int64 [I], sorted
    category_ids: np.ndarray  # int64 [C], sorted
    category_names: tuple[str, ...]
    rankings: Rankings
    metrics: dict[str, float | None]  # METRICS, in percent


class PrecisionRecall(NamedTuple):
    """A precision-recall curve: both float64 [101], in [0, 1]; precision NaN if undefined."""

    recall: np.ndarray
    precision: np.ndarray


def evaluate_detections(
    annotations: Path, detections: Path | Sequence[dict[str, Any]]
) -> Evaluated:
    """Score COCO results, a file or its parsed content, against a file of COCO annotations.

    Every image and category of the annotations counts. Raises BadInput if either cannot be used,
    or if a detection is on an image or of a category that the annotations do not have.
    """
    objects = read_ground_truth(annotations)
    results = read_coco_results(detections, objects.image_ids, objects.category_ids, objects.name)
    images, categories = len(objects.image_ids), len(objects.category_ids)
    rankings = rank(match_boxes(objects, results), images, categories)
    values = metric_values(rankings, np.ones((1, images), dtype=bool))[0]
    return Evaluated(
        annotations_digest=objects.digest,
        image_ids=objects.image_ids,
        category_ids=objects.category_ids,
        category_names=objects.category_names,
        rankings=rankings,
        metrics=dict(zip(METRICS, map(defined, values.tolist()), strict=True)),
    )


def metric_values(rankings: Rankings, chosen: np.ndarray) -> np.ndarray:
    """METRICS in percent, float64 [R, 16], of the images in each row of bool [R, I].

    A metric is the mean over categories that have an object of its area range; NaN: undefined.
    """
    precision, recall, _ = accumulate(rankings, chosen)  # [R, C, A, T], [R, C, A + 2, T]
    areas = list(enumerate(AREA_NAMES))
    values = {
        "AP": mean_over_categories(precision[:, :, 0]),
        **{
            f"AP{round(100 * iou)}": mean_over_categories(precision[:, :, 0, [step]])
            for step, iou in enumerate(IOU_THRESHOLDS.tolist())
        },
        **{f"AP_{name}": mean_over_categories(precision[:, :, area]) for area, name in areas},
        **{f"AR_{name}": mean_over_categories(recall[:, :, area]) for area, name in areas},
        "AR100": mean_over_categories(recall[:, :, 0]),
        "AR10": mean_over_categories(recall[:, :, 4]),
        "AR1": mean_over_categories(recall[:, :, 5]),
    }
    return 100 * np.stack([values[name] for name in METRICS], axis=1)


def precision_recall(evaluated: Evaluated, iou: float) -> PrecisionRecall:
    """The curve at one of IOU_THRESHOLDS: the mean over the categories that have objects."""
    step = IOU_THRESHOLDS.round(9).tolist().index(round(iou, 9))
    curves = _curves(evaluated)[:, step]  # [C, 101]
    curves = curves[~np.isnan(curves).any(axis=1)]
    undefined = np.full(len(RECALL_THRESHOLDS), np.nan)
    precision = curves.mean(axis=0) if len(curves) else undefined
    return PrecisionRecall(RECALL_THRESHOLDS.copy(), precision)


def average_precision_by_category(evaluated: Evaluated) -> dict[int, float | None]:
    """AP in percent of each category, by its id; None for one without objects."""
    values = 100 * _curves(evaluated).mean(axis=(1, 2))
    return dict(zip(evaluated.category_ids.tolist(), map(defined, values.tolist()), strict=True))


def _curves(evaluated: Evaluated) -> np.ndarray:
    """Precision [C, T, 101] of each category at each IoU threshold."""
    every = np.ones((1, len(evaluated.image_ids)), dtype=bool)
    return accumulate(evaluated.rankings, every, curves=True)[2][0, :, 0]
