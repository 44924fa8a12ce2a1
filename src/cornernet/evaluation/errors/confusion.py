"""Which category is taken for which, and in which images most goes wrong.

Detections that score enough go with objects, one with one at most, at an IoU of 0.5: as COCO's
metrics match them first, which looks at one category at a time; what is left of both, of whatever
category, by descending score. So each object and each detection counts once.
"""

from dataclasses import dataclass

import numpy as np

from cornernet.data.coco.annotations import BOX
from cornernet.evaluation.coco_metrics import Evaluated
from cornernet.evaluation.errors.kinds import FOREGROUND_IOU
from cornernet.evaluation.matching import (
    IGNORED,
    TRUE_POSITIVE,
    Candidates,
    Matches,
    box_iou,
    match,
)


@dataclass(frozen=True)
class Pairs:
    """Detections of one split that score enough, and the objects that they go with."""

    detection: np.ndarray  # int64 [n]: row of `Evaluated.results`
    object: np.ndarray  # int64 [n]: row of `Evaluated.objects`; -1: none
    missed: np.ndarray  # bool [G]: objects that go with no detection; no crowds


def pair(evaluated: Evaluated, least_score: float) -> Pairs:
    """Pair the detections of `least_score` and more; those that COCO ignores are left out."""
    matches, results, objects = evaluated.matches, evaluated.results, evaluated.objects
    outcome = matches.outcome[0, 0]
    shown = (results.score[matches.detection] >= least_score) & (outcome != IGNORED)
    detection = matches.detection[shown]
    object_ = np.where(outcome == TRUE_POSITIVE, matches.taken, -1)[shown]
    free = ~objects.crowd.to_numpy()
    free[object_[object_ >= 0]] = False

    unpaired, left = np.flatnonzero(object_ < 0), np.flatnonzero(free)
    others = _match_any_category(evaluated, detection[unpaired], left)
    hit = others.outcome[0, 0] == TRUE_POSITIVE
    object_[unpaired[others.detection[hit]]] = left[others.taken[hit]]
    free[object_[object_ >= 0]] = False
    return Pairs(detection, object_, free)


def _match_any_category(
    evaluated: Evaluated, detections: np.ndarray, objects: np.ndarray
) -> Matches:
    """Match some rows of detections and of objects as if there were one category."""
    results, annotated = evaluated.results, evaluated.objects.iloc[objects]
    boxes, object_boxes = results.boxes[detections], np.ascontiguousarray(annotated[BOX])
    no_crowd = np.zeros(len(objects), bool)

    def candidates(image_id: np.ndarray) -> Candidates:
        image = np.searchsorted(evaluated.image_ids, image_id)
        return Candidates(image, np.zeros_like(image), np.ones((1, len(image)), bool))

    return match(
        candidates(results.image_id[detections]),
        results.score[detections],
        candidates(annotated.image_id.to_numpy()),
        no_crowd,
        lambda detection, object_: box_iou(
            boxes[detection], object_boxes[object_], no_crowd[object_]
        ),
        np.array([FOREGROUND_IOU]),
    )


def confusion_matrix(evaluated: Evaluated, pairs: Pairs) -> np.ndarray:
    """Counts, int64 [C + 1, C + 1]: the annotated category by the detected one.

    The last row are detections without an object, the last column objects without a detection.
    """
    nothing = len(evaluated.category_ids)
    annotated = np.searchsorted(evaluated.category_ids, evaluated.objects.category_id)
    annotated = np.append(annotated, nothing)  # what object -1 is
    found = evaluated.results.category_id[pairs.detection]
    matrix = np.zeros((nothing + 1, nothing + 1), np.int64)
    np.add.at(matrix, (annotated[pairs.object], np.searchsorted(evaluated.category_ids, found)), 1)
    np.add.at(matrix, (annotated[:-1][pairs.missed], nothing), 1)
    return matrix


def wrong(evaluated: Evaluated, pairs: Pairs) -> np.ndarray:
    """Which of the paired detections are of no object or of another category than theirs, [n]."""
    annotated = np.append(evaluated.objects.category_id.to_numpy(), -1)
    found = evaluated.results.category_id[pairs.detection]
    return (pairs.object < 0) | (annotated[pairs.object] != found)


def worst_images(evaluated: Evaluated, pairs: Pairs, count: int) -> list[int]:
    """Ids of the `count` images with the most and surest mistakes, the worst first.

    A wrong detection weighs its score, a missed object 1. Images without a mistake are left out.
    """
    mistaken = pairs.detection[wrong(evaluated, pairs)]
    images, results = evaluated.image_ids, evaluated.results
    weight = np.bincount(
        np.searchsorted(images, results.image_id[mistaken]), results.score[mistaken], len(images)
    )
    missed = evaluated.objects.image_id.to_numpy()[pairs.missed]
    weight += np.bincount(np.searchsorted(images, missed), minlength=len(images))
    order = np.argsort(-weight, kind="stable")[:count]
    return images[order[weight[order] > 0]].tolist()
