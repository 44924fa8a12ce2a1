"""Greedy matching of detections to objects, as COCO's evaluation does it.

Within an image and category, detections take objects in descending order of score, at every IoU
threshold and for every range of object areas. The rules are those of the COCO API (pycocotools),
the reference in the tests.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from cornernet.evaluation.results import GroundTruth, Results

# COCO's evaluation parameters, https://cocodataset.org/#detection-eval
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREA_NAMES = ("all", "small", "medium", "large")
AREA_RANGES = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])  # square pixels
MOST_DETECTIONS = 100  # of one category in one image

IGNORED, FALSE, TRUE = 0, 1, 2  # what became of a detection: left out of the account, wrong, right


@dataclass(frozen=True)
class Matches:
    """Outcomes of N detections and G objects; A area ranges, T IoU thresholds.

    Detections are ordered by category, then by descending score, then by image and by the order
    in which they were given (the order in which COCO resolves ties).
    """

    category: np.ndarray  # int64 [N]
    image: np.ndarray  # int64 [N]
    rank: np.ndarray  # int64 [N]: 0 for the best of its category in its image
    score: np.ndarray  # float64 [N]
    outcome: np.ndarray  # uint8 [A, T, N]: IGNORED, FALSE or TRUE
    object_category: np.ndarray  # int64 [G]
    object_image: np.ndarray  # int64 [G]
    object_counted: np.ndarray  # bool [A, G]: no crowd, and of an area within the range


def match(ground_truth: GroundTruth, results: Results) -> Matches:
    """Match detections to the objects of a split.

    At most a hundred detections of a category in an image are looked at, the best ones.
    """
    images = len(ground_truth.image_ids)
    image = np.searchsorted(ground_truth.image_ids, results.image_id)
    category = np.searchsorted(ground_truth.category_ids, results.category_id)
    group = category * images + image
    order = np.lexsort((-results.score, group))  # stable: ties stay in the order given
    rank = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    order, rank = order[rank < MOST_DETECTIONS], rank[rank < MOST_DETECTIONS]
    object_group = ground_truth.category * images + ground_truth.image
    object_order = np.argsort(object_group, kind="stable")

    groups = np.unique(group[order])
    boxes, areas = results.boxes[order], results.boxes[order, 2] * results.boxes[order, 3]
    outcome, counted = _match_groups(
        bounds(group[order], groups),
        bounds(object_group[object_order], groups),
        boxes,
        areas,
        ground_truth.boxes[object_order],
        ground_truth.area[object_order],
        ground_truth.crowd[object_order],
        IOU_THRESHOLDS,
        AREA_RANGES,
    )
    by_score = np.lexsort((-results.score[order], category[order]))
    final = order[by_score]
    return Matches(
        category=category[final],
        image=image[final],
        rank=rank[by_score],
        score=results.score[final],
        outcome=np.ascontiguousarray(outcome[:, :, by_score]),
        object_category=ground_truth.category[object_order],
        object_image=ground_truth.image[object_order],
        object_counted=counted,
    )


def bounds(sorted_groups: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """First and last-plus-one row of each group, int64 [number of groups, 2]."""
    return np.stack(
        [np.searchsorted(sorted_groups, groups, side) for side in ("left", "right")], axis=1
    )


@njit(nogil=True, cache=True)
def _match_groups(
    rows: np.ndarray,
    object_rows: np.ndarray,
    boxes: np.ndarray,
    areas: np.ndarray,
    object_boxes: np.ndarray,
    object_areas: np.ndarray,
    crowd: np.ndarray,
    thresholds: np.ndarray,
    ranges: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes [A, T, N] of detections, and which objects [A, G] count."""
    outcome = np.empty((len(ranges), len(thresholds), len(boxes)), dtype=np.uint8)
    counted = np.empty((len(ranges), len(object_boxes)), dtype=np.bool_)
    for area in range(len(ranges)):
        low, high = ranges[area]
        for index in range(len(object_boxes)):
            within = low <= object_areas[index] <= high
            counted[area, index] = within and not crowd[index]
    for group in range(len(rows)):
        first, last = rows[group]
        object_first, object_last = object_rows[group]
        objects = slice(object_first, object_last)
        iou = _box_iou(boxes[first:last], object_boxes[objects], crowd[objects])
        for area in range(len(ranges)):
            low, high = ranges[area]
            within = (areas[first:last] >= low) & (areas[first:last] <= high)
            if object_first == object_last:  # most groups: nothing to match
                for index in range(first, last):
                    outcome[area, :, index] = FALSE if within[index - first] else IGNORED
                continue
            order = _counted_first(counted[area, objects])
            for step in range(len(thresholds)):
                _match_one_group(
                    iou,
                    thresholds[step],
                    order,
                    counted[area, objects],
                    crowd[objects],
                    within,
                    outcome[area, step, first:last],
                )
    return outcome, counted


@njit(nogil=True, cache=True)
def _box_iou(boxes: np.ndarray, objects: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """IoU [D, G]; for a crowd the union is the detection alone."""
    iou = np.zeros((len(boxes), len(objects)))
    for row in range(len(boxes)):
        x, y, width, height = boxes[row]
        for column in range(len(objects)):
            other_x, other_y, other_width, other_height = objects[column]
            shared_width = min(x + width, other_x + other_width) - max(x, other_x)
            shared_height = min(y + height, other_y + other_height) - max(y, other_y)
            if shared_width > 0 and shared_height > 0:
                shared = shared_width * shared_height
                union = width * height
                if not crowd[column]:
                    union = union + other_width * other_height - shared
                iou[row, column] = shared / union
    return iou


@njit(nogil=True, cache=True)
def _counted_first(counted: np.ndarray) -> np.ndarray:
    """Indices of the objects that count, then of the others, each in their order."""
    order = np.empty(len(counted), dtype=np.int64)
    filled = 0
    for wanted in (True, False):
        for index in range(len(counted)):
            if counted[index] == wanted:
                order[filled] = index
                filled += 1
    return order


@njit(nogil=True, cache=True)
def _match_one_group(
    iou: np.ndarray,
    threshold: float,
    order: np.ndarray,
    counted: np.ndarray,
    crowd: np.ndarray,
    within: np.ndarray,
    outcome: np.ndarray,
) -> None:
    """Fill `outcome` [D] for one image, category, area range and IoU threshold.

    A detection takes the free object that it overlaps most, of those that count if one of them
    passes the threshold. A crowd can be taken many times. Taking an object that does not count,
    or taking none while of an area outside the range, leaves the detection out of the account.
    """
    taken = np.zeros(len(order), dtype=np.bool_)
    for detection in range(len(iou)):
        best = -1
        best_iou = min(threshold, 1 - 1e-10)  # so that a perfect overlap passes every threshold
        for candidate in order:
            if taken[candidate] and not crowd[candidate]:
                continue
            if best >= 0 and counted[best] and not counted[candidate]:
                break
            if iou[detection, candidate] >= best_iou:  # the later one of equal overlaps
                best_iou = iou[detection, candidate]
                best = candidate
        if best >= 0:
            taken[best] = True
            outcome[detection] = TRUE if counted[best] else IGNORED
        else:
            outcome[detection] = FALSE if within[detection] else IGNORED
