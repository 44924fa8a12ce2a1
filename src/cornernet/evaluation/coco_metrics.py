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
import pandas as pd

from cornernet.data.coco.annotation_rules import annotation_problems
from cornernet.data.coco.annotations import read_annotation_file
from cornernet.errors import BadInput
from cornernet.evaluation.average_precision import (
    RECALL_THRESHOLDS,
    accumulate,
    mean_over_categories,
)
from cornernet.evaluation.coco_results import CocoResults, read_coco_results
from cornernet.evaluation.matching import AREA_NAMES, IOU_THRESHOLDS, Matches, match_boxes
from cornernet.evaluation.metric_names import METRICS, category_labels, defined
from cornernet.evaluation.ranking import Rankings, rank


@dataclass(frozen=True)
class Evaluated:
    """Detections of one split, matched and scored: plain arrays, so it can be pickled."""

    image_ids: np.ndarray  # int64 [I], sorted
    category_ids: np.ndarray  # int64 [C], sorted
    categories: tuple[str, ...]  # their names, so that each can be shown and told from the others
    objects: pd.DataFrame  # as annotated: image_id, category_id, x, y, width, height, crowd, ...
    results: CocoResults
    matches: Matches
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

    Every image and category of the annotations counts. An annotation without `area` has its box's,
    one without `iscrowd` is no crowd. Raises BadInput if either cannot be used, if the annotations
    have no image, or if a detection is on an image or of a category that they do not have.
    """
    file = read_annotation_file(annotations)
    problems = [problem.message(str(annotations)) for problem in annotation_problems(file)]
    if not problems and file.images.empty:
        problems = [
            f"{annotations}: no images in it; give the annotations of a split that has some"
        ]
    if problems:
        raise BadInput(problems)
    image_ids, categories = np.sort(file.images.id), file.categories.sort_values("id")
    category_ids = categories.id.to_numpy()
    results = read_coco_results(detections, image_ids, category_ids, str(annotations))
    matches = match_boxes(file.annotations, results, image_ids, category_ids)
    rankings = rank(matches, len(image_ids), len(category_ids))
    values = metric_values(rankings, np.ones((1, len(image_ids)), dtype=bool))[0]
    return Evaluated(
        image_ids=image_ids,
        category_ids=category_ids,
        categories=category_labels(categories.name.tolist(), category_ids.tolist()),
        objects=file.annotations,
        results=results,
        matches=matches,
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


def category_values(rankings: Rankings, chosen: np.ndarray) -> np.ndarray:
    """CATEGORY_METRICS in percent, float64 [R, C, 4], of the images in each row of bool [R, I].

    NaN where a category has no object.
    """
    of_all_sizes = rankings._replace(
        starts=np.ascontiguousarray(rankings.starts[:, :1]),
        object_starts=np.ascontiguousarray(rankings.object_starts[:, :1]),
    )
    precision, recall, _ = accumulate(of_all_sizes, chosen)  # [R, C, 1, T], [R, C, 3, T]
    of_all = precision[:, :, 0]
    at_50, at_75 = of_all[:, :, 0], of_all[:, :, 5]  # of IOU_THRESHOLDS
    values = of_all.mean(axis=2), at_50, at_75, recall[:, :, 0].mean(axis=2)
    return 100 * np.stack(values, axis=2)


def precision_recall(evaluated: Evaluated, iou: float) -> PrecisionRecall:
    """The curve at one of IOU_THRESHOLDS: the mean over the categories that have objects."""
    curves = [curve.precision for curve in curves_by_category(evaluated, iou).values()]
    undefined = np.full(len(RECALL_THRESHOLDS), np.nan)
    precision = np.mean(curves, axis=0) if curves else undefined
    return PrecisionRecall(RECALL_THRESHOLDS.copy(), precision)


def curves_by_category(evaluated: Evaluated, iou: float) -> dict[str, PrecisionRecall]:
    """The curve at one of IOU_THRESHOLDS of each category that has objects."""
    step = IOU_THRESHOLDS.round(9).tolist().index(round(iou, 9))
    every = np.ones((1, len(evaluated.image_ids)), dtype=bool)
    curves = accumulate(evaluated.rankings, every, curves=True)[2][0, :, 0, step]  # [C, 101]
    return {
        name: PrecisionRecall(RECALL_THRESHOLDS.copy(), curve)
        for name, curve in zip(evaluated.categories, curves, strict=True)
        if not np.isnan(curve).any()
    }


def average_precision_by_category(evaluated: Evaluated) -> dict[str, float | None]:
    """AP in percent of each category, by its name; None for one without objects."""
    every = np.ones((1, len(evaluated.image_ids)), dtype=bool)
    values = category_values(evaluated.rankings, every)[0, :, 0]
    return dict(zip(evaluated.categories, map(defined, values.tolist()), strict=True))
