"""Greedy matching of detections to annotated objects, as COCO's evaluation does it.

Within an image and category, detections take objects in descending order of score, at every
threshold and for every range (of areas; for corners, every quadrant of the image). The rules are
those of the COCO API (pycocotools), the reference in the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit

from cornernet.data.coco.annotations import BOX
from cornernet.evaluation.coco_results import CocoResults

# COCO's evaluation parameters, https://cocodataset.org/#detection-eval
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREA_NAMES = ("all", "small", "medium", "large")
AREA_RANGES = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])  # square pixels
MAX_DETECTIONS = 100  # per category and image

# What became of a detection; an ignored one counts neither as right nor as wrong.
IGNORED, FALSE_POSITIVE, TRUE_POSITIVE = 0, 1, 2


@dataclass(frozen=True)
class Candidates:
    """Detections, or annotated objects, before they are matched; A ranges."""

    image: np.ndarray  # int64 [N], index of the image
    category: np.ndarray  # int64 [N], index of the category
    within: np.ndarray  # bool [A, N]: whether it lies within each range


@dataclass(frozen=True)
class Matches:
    """Outcomes of N detections and G objects; A ranges, T thresholds.

    Detections are ordered by category, then by descending score, then by image and by the order
    in which they were given (the order in which COCO resolves ties).
    """

    detection: np.ndarray  # int64 [N]: its row as given
    taken: np.ndarray  # int64 [N]: row, as given, of the object that it takes at first; -1: none
    category: np.ndarray  # int64 [N]
    image: np.ndarray  # int64 [N]
    rank: np.ndarray  # int64 [N]: 0 for the best of its category in its image
    outcome: np.ndarray  # uint8 [A, T, N]: IGNORED, FALSE_POSITIVE or TRUE_POSITIVE
    object_category: np.ndarray  # int64 [G]
    object_image: np.ndarray  # int64 [G]
    object_counted: np.ndarray  # bool [A, G]: no crowd, and within the range


def match_boxes(
    objects: pd.DataFrame, results: CocoResults, image_ids: np.ndarray, category_ids: np.ndarray
) -> Matches:
    """Match detected boxes to the annotations of a split by IoU, for each range of areas.

    `image_ids` and `category_ids` are the split's, sorted. Only the hundred best detections per
    category and image take part.
    """
    boxes, object_boxes = results.boxes, np.ascontiguousarray(objects[BOX])
    crowd = objects.crowd.to_numpy()

    def overlap(detection: np.ndarray, object_: np.ndarray) -> np.ndarray:
        return box_iou(boxes[detection], object_boxes[object_], crowd[object_])

    def candidates(rows: CocoResults | pd.DataFrame, area: np.ndarray) -> Candidates:
        image = np.searchsorted(image_ids, rows.image_id)
        category = np.searchsorted(category_ids, rows.category_id)
        within = (AREA_RANGES[:, :1] <= area) & (area <= AREA_RANGES[:, 1:])  # [A, N]
        return Candidates(image, category, within)

    return match(
        candidates(results, boxes[:, 2] * boxes[:, 3]),
        results.score,
        candidates(objects, objects.area.to_numpy()),
        crowd,
        overlap,
        IOU_THRESHOLDS,
        MAX_DETECTIONS,
    )


def match(
    detections: Candidates,
    score: np.ndarray,
    objects: Candidates,
    crowd: np.ndarray,
    closeness_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    thresholds: np.ndarray,
    most: int | None = None,
) -> Matches:
    """Match detections (`score` float64 [N]) to objects (`crowd` bool [G]).

    `closeness_of` gets rows of detections and rows of objects, int64 [P] each, and returns how
    close each pair is, float64 [P]; a match is at least as close as the threshold. Only the `most`
    best detections per category and image take part, all of them without `most`.
    """
    images = 1 + max(detections.image.max(initial=0), objects.image.max(initial=0))
    group = detections.category * images + detections.image
    order = np.lexsort((-score, group))  # stable: ties stay in the order given
    rank = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    if most is not None:
        order, rank = order[rank < most], rank[rank < most]
    object_group = objects.category * images + objects.image
    object_order = np.argsort(object_group, kind="stable")
    crowd = crowd[object_order]
    counted = objects.within[:, object_order] & ~crowd

    # The objects of a detection's image and category: first row and last row plus one.
    object_group = object_group[object_order]
    first = np.searchsorted(object_group, group[order], "left")
    last = np.searchsorted(object_group, group[order], "right")
    pairs = last - first
    pair_ends = np.cumsum(pairs)
    detection_of_pair = np.repeat(np.arange(len(order)), pairs)
    object_of_pair = np.arange(len(detection_of_pair)) + np.repeat(first - pair_ends + pairs, pairs)
    outcome, taken = _outcomes(
        first,
        last,
        closeness_of(order[detection_of_pair], object_order[object_of_pair]),
        thresholds,
        np.ascontiguousarray(detections.within[:, order]),
        np.ascontiguousarray(counted),
        crowd,
    )
    by_score = np.lexsort((-score[order], detections.category[order]))
    final = order[by_score]
    return Matches(
        detection=final,
        taken=np.append(object_order, -1)[taken[by_score]],
        category=detections.category[final],
        image=detections.image[final],
        rank=rank[by_score],
        outcome=np.ascontiguousarray(outcome[:, :, by_score]),
        object_category=objects.category[object_order],
        object_image=objects.image[object_order],
        object_counted=np.ascontiguousarray(counted),
    )


def box_iou(boxes: np.ndarray, objects: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """IoU [P] of pairs of boxes [P, 4]; where the object is a crowd, the union is the detection."""
    low = np.maximum(boxes[:, :2], objects[:, :2])
    sides = np.minimum(boxes[:, :2] + boxes[:, 2:], objects[:, :2] + objects[:, 2:]) - low
    shared = sides[:, 0] * sides[:, 1]
    union = boxes[:, 2] * boxes[:, 3]
    union = np.where(crowd, union, union + objects[:, 2] * objects[:, 3] - shared)
    return np.divide(shared, union, out=np.zeros(len(boxes)), where=(sides > 0).all(axis=1))


@njit(nogil=True, cache=True)
def _outcomes(
    first: np.ndarray,
    last: np.ndarray,
    closeness: np.ndarray,
    thresholds: np.ndarray,
    within: np.ndarray,
    counted: np.ndarray,
    crowd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes [A, T, N] of detections that are sorted by image, category and score.

    And the object [N] that each takes in the first range at the first threshold, -1 for none.

    A detection takes the closest free object, of those that count if one of them passes the
    threshold. A crowd can be taken many times. A detection is ignored if it takes an object that
    does not count, or if it takes none and lies outside of the range.
    `closeness` [P] has the pairs of the first detection with its objects, then of the second.
    """
    outcome = np.empty((len(within), len(thresholds), len(first)), dtype=np.uint8)
    first_taken = np.full(len(first), -1)
    taken = np.empty(len(crowd), dtype=np.bool_)
    for area in range(len(within)):
        for step in range(len(thresholds)):
            taken[:] = False
            pair = 0
            for detection in range(len(first)):
                best = -1
                best_closeness = min(thresholds[step], 1 - 1e-10)  # an IoU of 1 passes every one
                for wanted in (True, False):
                    if best >= 0:
                        break
                    for candidate in range(first[detection], last[detection]):
                        free = crowd[candidate] or not taken[candidate]
                        value = closeness[pair + candidate - first[detection]]
                        # of objects that are equally close, the last
                        if counted[area, candidate] == wanted and free and value >= best_closeness:
                            best, best_closeness = candidate, value
                pair += last[detection] - first[detection]
                if best >= 0:
                    taken[best] = True
                    became = TRUE_POSITIVE if counted[area, best] else IGNORED
                else:
                    became = FALSE_POSITIVE if within[area, detection] else IGNORED
                outcome[area, step, detection] = became
                if area == 0 and step == 0:
                    first_taken[detection] = best
    return outcome, first_taken
