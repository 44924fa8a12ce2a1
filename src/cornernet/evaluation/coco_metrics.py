"""COCO's box metrics: average precision and recall, as the COCO API defines them (section 4.3).

    evaluated = evaluate_detections(Path("instances_val2017.json"), Path("detections.json"))
    print("\\n".join(summary_lines(evaluated.metrics)))

Metrics are in percent; one that no object of the split defines is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cornernet.evaluation.accumulate import (
    RECALL_THRESHOLDS,
    Rankings,
    accumulate,
    precision_at_recalls,
    rank,
)
from cornernet.evaluation.matching import AREA_NAMES, IOU_THRESHOLDS, match
from cornernet.evaluation.results import read_ground_truth, read_results

# The twelve of COCO, then the IoUs of the journal version's comparison of localisation.
METRICS = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"),
    *("AP60", "AP70", "AP80", "AP90"),
)
COCO_METRICS = METRICS[:12]


@dataclass(frozen=True)
class Evaluated:
    """Detections of one split, matched and scored: plain arrays, so it can be pickled."""

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
    ground_truth: Path | dict[str, Any], detections: Path | Sequence[dict[str, Any]]
) -> Evaluated:
    """Score COCO results against COCO annotations, files or their parsed content.

    Every image and category of the annotations counts. Raises BadInput if either cannot be used,
    or if a detection is on an image or of a category that the annotations do not have.
    """
    objects = read_ground_truth(ground_truth)
    results = read_results(detections, objects.image_ids, objects.category_ids, objects.name)
    images, categories = len(objects.image_ids), len(objects.category_ids)
    rankings = rank(match(objects, results), images, categories)
    values = metric_values(rankings, np.ones((1, images), dtype=np.int32))[0]
    return Evaluated(
        image_ids=objects.image_ids,
        category_ids=objects.category_ids,
        category_names=objects.category_names,
        rankings=rankings,
        metrics={
            name: defined(value) for name, value in zip(METRICS, values.tolist(), strict=True)
        },
    )


def metric_values(rankings: Rankings, weights: np.ndarray) -> np.ndarray:
    """METRICS in percent, float64 [R, 16], for each row of image weights [R, I]; NaN: undefined.

    A metric is the mean over categories that have an object of its area range.
    """
    precision, recall = accumulate(rankings, weights)  # [R, C, A, T], [R, C, A + 2, T]
    by_area = [mean_over_categories(precision[:, :, area]) for area in range(len(AREA_NAMES))]
    by_iou = {
        round(100 * iou): mean_over_categories(precision[:, :, 0, [step]])
        for step, iou in _iou_steps()
    }
    columns = {
        "AP": by_area[0],
        **{f"AP{iou}": value for iou, value in by_iou.items()},
        **{f"AP_{AREA_NAMES[area]}": by_area[area] for area in (1, 2, 3)},
        **{
            f"AR_{AREA_NAMES[area]}": mean_over_categories(recall[:, :, area]) for area in (1, 2, 3)
        },
        "AR100": mean_over_categories(recall[:, :, 0]),
        "AR10": mean_over_categories(recall[:, :, 4]),
        "AR1": mean_over_categories(recall[:, :, 5]),
    }
    return 100 * np.stack([columns[name] for name in METRICS], axis=1)


def precision_recall(
    evaluated: Evaluated,
    iou: float | None = None,
    area: str = "all",
    category_id: int | None = None,
) -> PrecisionRecall:
    """The curve at an IoU threshold (None: mean over the ten), for an area range of AREA_NAMES.

    Without `category_id` it is the mean over the categories that have objects; the mean of its
    precision is then the AP. Raises ValueError for an IoU, area or category there is not.
    """
    curves = _curves(evaluated, iou, area)  # [C, T, 101]
    if category_id is not None:
        curves = curves[[_index(category_id, evaluated.category_ids.tolist(), "category")]]
    curves = curves[~np.isnan(curves).any(axis=(1, 2))]
    undefined = np.full(len(RECALL_THRESHOLDS), np.nan)
    mean = curves.mean(axis=(0, 1)) if len(curves) else undefined
    return PrecisionRecall(RECALL_THRESHOLDS.copy(), mean)


def average_precision_by_category(
    evaluated: Evaluated, iou: float | None = None, area: str = "all"
) -> dict[int, float | None]:
    """AP in percent of each category, by its id; None without objects. Raises as above."""
    values = 100 * _curves(evaluated, iou, area).mean(axis=(1, 2))
    pairs = zip(evaluated.category_ids.tolist(), values.tolist(), strict=True)
    return {category: defined(value) for category, value in pairs}


def summary_lines(metrics: Mapping[str, float | None]) -> list[str]:
    """The twelve lines that the COCO API prints, as fractions; `undefined` where it has -1."""
    lines = []
    for name in COCO_METRICS:
        kind = "Average Precision  (AP)" if name.startswith("AP") else "Average Recall     (AR)"
        iou = f"0.{name[2:]}" if name in ("AP50", "AP75") else "0.50:0.95"
        area = name.partition("_")[2] or "all"
        most = name[2:] if name in ("AR1", "AR10") else "100"
        value = metrics[name]
        text = "undefined" if value is None else f"{value / 100:0.3f}"
        lines.append(f" {kind} @[ IoU={iou:<9} | area={area:>6} | maxDets={most:>3} ] = {text}")
    return lines


def defined(value: float) -> float | None:
    """The number, or None for the NaN that stands for an undefined metric in arrays."""
    return None if np.isnan(value) else float(value)


def _iou_steps() -> list[tuple[int, float]]:
    return list(enumerate(IOU_THRESHOLDS.tolist()))


def _curves(evaluated: Evaluated, iou: float | None, area: str) -> np.ndarray:
    """Precision [C, 1 or T, 101] for one area range and for one IoU threshold or all."""
    precision = precision_at_recalls(evaluated.rankings)[:, _index(area, AREA_NAMES, "area")]
    if iou is None:
        return precision
    step = _index(round(iou, 9), IOU_THRESHOLDS.round(9).tolist(), "IoU")
    return precision[:, [step]]


def _index(wanted: Any, known: Sequence[Any], kind: str) -> int:
    if wanted not in known:
        raise ValueError(f"{kind} {wanted!r} is not one of {', '.join(map(str, known))}")
    return known.index(wanted)


def mean_over_categories(values: np.ndarray) -> np.ndarray:
    """Mean [R] of [R, C, T] over thresholds and over the categories that are defined."""
    by_category = values.mean(axis=2)
    present = ~np.isnan(by_category)
    count = present.sum(axis=1)
    total = np.where(present, by_category, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
