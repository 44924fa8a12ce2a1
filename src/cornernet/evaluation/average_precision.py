"""Average precision and recall from rankings, with a whole-number weight per image.

A weight says how many copies of its image the data set holds. Weights of one give COCO's metrics;
the weights of a bootstrap resample give the metrics that the COCO API would compute if the copies
were written out as separate images, each beside its original.

COCO reads precision at 101 fixed recalls: at each it takes the highest precision that is reached
at this recall or at any higher one. Recall, and therefore this maximum, can change only at a true
positive; false positives are counted, but no precision is computed at them.
"""

import numpy as np
from numba import njit

from cornernet.evaluation.ranking import (
    IMAGE_SHIFT,
    LEVEL_MASK,
    TIED_WITH_NEXT,
    TOP_LEVEL,
    TOP_TEN_LEVEL,
    Rankings,
)

RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)  # https://cocodataset.org/#detection-eval
_SPACING = np.spacing(1.0)  # the COCO API adds it to the denominator of precision


def accumulate(
    rankings: Rankings, weights: np.ndarray, curves: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average precision [R, C, A, T], recall [R, C, A + 2, T], precision [R, C, A, T, 101].

    `weights` int32 [R, I] are those of the images, one row per resample. Recall is of every range,
    then of the first range with the ten best detections per category and image, and with the best
    one. Precision is that at RECALL_THRESHOLDS, and empty without `curves`. All are NaN where a
    category has no object.
    """
    return _accumulate(
        rankings.entries,
        rankings.starts,
        rankings.object_starts,
        rankings.object_images,
        np.ascontiguousarray(weights, dtype=np.int32),
        RECALL_THRESHOLDS,
        curves,
    )


def mean_over_categories(values: np.ndarray) -> np.ndarray:
    """Mean [R] of [R, C, T] over thresholds and over the categories that are defined."""
    by_category = values.mean(axis=2)
    present = ~np.isnan(by_category)
    count = present.sum(axis=1)
    total = np.where(present, by_category, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


@njit(nogil=True, cache=True)
def _accumulate(
    entries: np.ndarray,
    starts: np.ndarray,
    object_starts: np.ndarray,
    object_images: np.ndarray,
    weights: np.ndarray,
    recalls: np.ndarray,
    curves: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `accumulate` returns."""
    categories, areas, thresholds, _ = starts.shape
    resamples = len(weights)
    average = np.full((resamples, categories, areas, thresholds), np.nan)
    recall = np.full((resamples, categories, areas + 2, thresholds), np.nan)
    precisions = np.full((resamples * curves, categories, areas, thresholds, len(recalls)), np.nan)
    precision = np.empty(len(recalls))
    for category in range(categories):
        # at most as many true positives as objects, in every resample
        most = (object_starts[category, :, 1] - object_starts[category, :, 0]).max()
        found = np.empty(most * weights.max(), dtype=np.int64)
        height = np.empty(most * weights.max())
        for resample in range(resamples):
            for area in range(areas):
                first, last = object_starts[category, area]
                objects = 0
                for index in range(first, last):
                    objects += weights[resample, object_images[index]]
                if objects == 0:
                    continue
                for step in range(thresholds):
                    first, last = starts[category, area, step]
                    points, right, in_ten, top = _walk_ranking(
                        entries[first:last], weights[resample], found, height
                    )
                    _read_precision(found[:points], height[:points], objects, recalls, precision)
                    average[resample, category, area, step] = precision.mean()
                    recall[resample, category, area, step] = right / objects
                    if area == 0:
                        recall[resample, category, areas, step] = in_ten / objects
                        recall[resample, category, areas + 1, step] = top / objects
                    if curves:
                        precisions[resample, category, area, step] = precision
    return average, recall, precisions


@njit(nogil=True, cache=True)
def _walk_ranking(
    entries: np.ndarray, weights: np.ndarray, found: np.ndarray, height: np.ndarray
) -> tuple[int, int, int, int]:
    """Record objects found so far in `found`, and precision in `height`, at true positives.

    An image of weight 3 stands for three copies, so each of its detections stands three times in
    the ranking, one after the other. Precision rises from copy to copy of a true positive, and
    COCO takes the highest precision at a recall or beyond: hence only the last copy is recorded.

    Detections a and b of one image that have equal scores differ: their copies come in the order
    a, b, a, b (the COCO API sorts stably, and each image holds a before b), so each copy of each
    is recorded.
    Returns the number of records, and of true positives: all, among the ten best detections of
    their category and image, and the best alone.
    """
    records = ranked = right = in_ten = top = 0
    index = 0
    while index < len(entries):
        entry = entries[index]
        weight = weights[entry >> IMAGE_SHIFT]
        last = index
        while entries[last] & TIED_WITH_NEXT:
            last += 1
        copies, weight = (1, weight) if last == index else (weight, 1)
        for _ in range(copies):
            for member in range(index, last + 1):
                ranked += weight
                level = entries[member] & LEVEL_MASK
                if level and weight:
                    right += weight
                    in_ten += weight if level >= TOP_TEN_LEVEL else 0
                    top += weight if level == TOP_LEVEL else 0
                    found[records] = right
                    height[records] = right / (ranked + _SPACING)
                    records += 1
        index = last + 1
    return records, right, in_ten, top


@njit(nogil=True, cache=True)
def _read_precision(
    found: np.ndarray, height: np.ndarray, objects: int, recalls: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` with the precision where each recall is first reached, 0 where it never is.

    Changes `height` on the way to the highest precision here or further down the ranking.
    """
    for index in range(len(height) - 2, -1, -1):
        height[index] = max(height[index], height[index + 1])
    index = 0
    for step in range(len(recalls)):
        while index < len(found) and found[index] / objects < recalls[step]:
            index += 1
        out[step] = height[index] if index < len(found) else 0.0
