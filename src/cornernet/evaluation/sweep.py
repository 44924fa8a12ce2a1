"""The compiled sweeps over rankings of detections that `accumulate` is made of."""

import numpy as np
from numba import njit

from cornernet.evaluation.matching import IGNORED, TRUE

# An entry of a ranking is one number: image * 16 + flags + level.
_WRONG, _RIGHT, _RIGHT_IN_TEN, _RIGHT_FIRST = 0, 1, 2, 3  # levels
_TIED_WITH_NEXT = 8  # flag: the next entry has the same image and the same score
_LEVEL, _IMAGE_SHIFT = 3, 4
_SPACING = np.spacing(1.0)  # the COCO API adds it to the denominator of precision


@njit(nogil=True, cache=True)
def ranking_entries(
    outcome: np.ndarray,
    image: np.ndarray,
    rank_in_image: np.ndarray,
    tied: np.ndarray,
    bounds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Entries and starts of Rankings; `tied` [N]: as the detection before, in image and score."""
    areas, thresholds, _ = outcome.shape
    starts = np.empty((len(bounds) - 1, areas, thresholds, 2), dtype=np.int64)
    entries = np.empty(np.count_nonzero(outcome != IGNORED), dtype=np.int32)
    filled = 0
    for category in range(len(bounds) - 1):
        for area in range(areas):
            for step in range(thresholds):
                starts[category, area, step, 0] = filled
                previous = -1  # the last detection in the account
                run = -1  # where the present run of ties began
                for index in range(bounds[category], bounds[category + 1]):
                    if index == bounds[category] or not tied[index]:
                        run = index
                    if outcome[area, step, index] == IGNORED:
                        continue
                    level = _WRONG
                    if outcome[area, step, index] == TRUE:
                        first = rank_in_image[index] < 1
                        in_ten = rank_in_image[index] < 10
                        level = _RIGHT_FIRST if first else _RIGHT_IN_TEN if in_ten else _RIGHT
                    entries[filled] = image[index] * 16 + level
                    if previous >= run and previous >= 0:
                        entries[filled - 1] += _TIED_WITH_NEXT
                    previous = index
                    filled += 1
                starts[category, area, step, 1] = filled
    return entries, starts


@njit(nogil=True, cache=True)
def accumulate_rankings(
    entries: np.ndarray,
    starts: np.ndarray,
    object_starts: np.ndarray,
    object_images: np.ndarray,
    weights: np.ndarray,
    recalls: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Average precision [R, C, A, T] and recall [R, C, A + 2, T]; see `accumulate`."""
    categories, areas, thresholds, _ = starts.shape
    average = np.full((len(weights), categories, areas, thresholds), np.nan)
    recall = np.full((len(weights), categories, areas + 2, thresholds), np.nan)
    precision = np.empty(len(recalls))
    for category in range(categories):
        # as many right detections as objects at most, in every resample
        most = (object_starts[category, :, 1] - object_starts[category, :, 0]).max()
        found = np.empty(most * weights.max(), dtype=np.int64)
        height = np.empty(most * weights.max())
        for resample in range(len(weights)):
            for area in range(areas):
                first, last = object_starts[category, area]
                objects = 0
                for index in range(first, last):
                    objects += weights[resample, object_images[index]]
                if objects == 0:
                    continue
                for step in range(thresholds):
                    first, last = starts[category, area, step]
                    points, right, in_ten, top = _sweep(
                        entries[first:last], weights[resample], found, height
                    )
                    _read_precision(found[:points], height[:points], objects, recalls, precision)
                    average[resample, category, area, step] = precision.mean()
                    recall[resample, category, area, step] = right / objects
                    if area == 0:
                        recall[resample, category, areas, step] = in_ten / objects
                        recall[resample, category, areas + 1, step] = top / objects
    return average, recall


@njit(nogil=True, cache=True)
def precision_of_rankings(
    entries: np.ndarray,
    starts: np.ndarray,
    object_starts: np.ndarray,
    weights: np.ndarray,
    recalls: np.ndarray,
) -> np.ndarray:
    """Precision [C, A, T, number of recalls] with every image once (`weights` [I] are ones)."""
    categories, areas, thresholds, _ = starts.shape
    precision = np.full((categories, areas, thresholds, len(recalls)), np.nan)
    for category in range(categories):
        for area in range(areas):
            objects = object_starts[category, area, 1] - object_starts[category, area, 0]
            if objects == 0:
                continue
            found, height = np.empty(objects, dtype=np.int64), np.empty(objects)
            for step in range(thresholds):
                first, last = starts[category, area, step]
                points, _, _, _ = _sweep(entries[first:last], weights, found, height)
                _read_precision(
                    found[:points],
                    height[:points],
                    objects,
                    recalls,
                    precision[category, area, step],
                )
    return precision


@njit(nogil=True, cache=True)
def _sweep(
    entries: np.ndarray, weights: np.ndarray, found: np.ndarray, height: np.ndarray
) -> tuple[int, int, int, int]:
    """Go down one ranking; note objects found so far and precision after each right detection.

    The copies of an image follow each other, so of the copies of one right detection the last
    alone is noted: the envelope is as high at the others. Detections of one image with equal
    scores come copy after copy (a, b, a, b), and each is noted.
    Returns the number of notes, and of right detections: all, in their image's best ten, its best.
    """
    notes = seen = right = in_ten = top = 0
    index = 0
    while index < len(entries):
        entry = entries[index]
        weight = weights[entry >> _IMAGE_SHIFT]
        last = index
        while entries[last] & _TIED_WITH_NEXT:
            last += 1
        copies, weight = (1, weight) if last == index else (weight, 1)
        for _ in range(copies):
            for member in range(index, last + 1):
                seen += weight
                level = entries[member] & _LEVEL
                if level and weight:
                    right += weight
                    in_ten += weight if level >= _RIGHT_IN_TEN else 0
                    top += weight if level == _RIGHT_FIRST else 0
                    found[notes] = right
                    height[notes] = right / (seen + _SPACING)
                    notes += 1
        index = last + 1
    return notes, right, in_ten, top


@njit(nogil=True, cache=True)
def _read_precision(
    found: np.ndarray, height: np.ndarray, objects: int, recalls: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` with the precision where each recall is first reached, 0 where it never is.

    `height` is raised to the envelope on the way: the highest precision here or further down.
    """
    for index in range(len(height) - 2, -1, -1):
        height[index] = max(height[index], height[index + 1])
    index = 0
    for step in range(len(recalls)):
        while index < len(found) and found[index] / objects < recalls[step]:
            index += 1
        out[step] = height[index] if index < len(found) else 0.0
