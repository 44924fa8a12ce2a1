"""Average precision and recall from rankings, of all images or of some of them.

COCO reads precision at 101 fixed recalls: at each it takes the highest precision that is reached
at this recall or at any higher one. Recall, and therefore this maximum, can change only at a true
positive; false positives are counted, but no precision is computed at them.
"""

import numpy as np
from numba import njit

from cornernet.evaluation.ranking import (
    FALSE_LEVEL,
    IMAGE_SHIFT,
    LEVEL_MASK,
    TOP_LEVEL,
    TOP_TEN_LEVEL,
    Rankings,
)

RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)  # https://cocodataset.org/#detection-eval
_SPACING = np.spacing(1.0)  # the COCO API adds it to the denominator of precision


def mean_over_categories(values: np.ndarray) -> np.ndarray:
    """Mean [R] of [R, C, T] over thresholds and over the categories that are defined."""
    by_category = values.mean(axis=2)
    present = ~np.isnan(by_category)
    count = present.sum(axis=1)
    total = np.where(present, by_category, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


@njit(nogil=True, cache=True)
def accumulate(
    rankings: Rankings, chosen: np.ndarray, curves: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average precision [R, C, A, T], recall [R, C, A + 2, T], precision [R, C, A, T, 101].

    `chosen` bool [R, I]: the images that each of R samples has. Recall is of every range, then of
    the first range with the ten best detections per category and image, and with the best one.
    Precision is that at RECALL_THRESHOLDS, and empty without `curves`. All are NaN where a category
    has no object.
    """
    entries, starts, object_starts, object_images = rankings
    categories, areas, thresholds, _ = starts.shape
    samples, points = len(chosen), len(RECALL_THRESHOLDS)
    average = np.full((samples, categories, areas, thresholds), np.nan)
    recall = np.full((samples, categories, areas + 2, thresholds), np.nan)
    precisions = np.full((samples * curves, categories, areas, thresholds, points), np.nan)
    precision = np.empty(points)
    for category in range(categories):
        # at most as many true positives as objects
        most = (object_starts[category, :, 1] - object_starts[category, :, 0]).max()
        height = np.empty(most)
        for sample in range(samples):
            for area in range(areas):
                first, last = object_starts[category, area]
                objects = 0
                for index in range(first, last):
                    objects += chosen[sample, object_images[index]]
                if objects == 0:
                    continue
                for step in range(thresholds):
                    first, last = starts[category, area, step]
                    right, in_ten, top = _walk_ranking(entries[first:last], chosen[sample], height)
                    _read_precision(height[:right], objects, precision)
                    average[sample, category, area, step] = precision.mean()
                    recall[sample, category, area, step] = right / objects
                    if area == 0:
                        recall[sample, category, areas, step] = in_ten / objects
                        recall[sample, category, areas + 1, step] = top / objects
                    if curves:
                        precisions[sample, category, area, step] = precision
    return average, recall, precisions


@njit(nogil=True, cache=True)
def _walk_ranking(
    entries: np.ndarray, chosen: np.ndarray, height: np.ndarray
) -> tuple[int, int, int]:
    """Record the precision at each true positive in `height`.

    Returns the number of true positives: all, among the ten best detections of their category and
    image, and the best alone.
    """
    ranked = right = in_ten = top = 0
    for entry in entries:
        if not chosen[entry >> IMAGE_SHIFT]:
            continue
        ranked += 1
        level = entry & LEVEL_MASK
        if level != FALSE_LEVEL:
            height[right] = (right + 1) / (ranked + _SPACING)
            right += 1
            in_ten += level >= TOP_TEN_LEVEL
            top += level == TOP_LEVEL
    return right, in_ten, top


@njit(nogil=True, cache=True)
def _read_precision(height: np.ndarray, objects: int, out: np.ndarray) -> None:
    """Fill `out` with the precision where each recall is first reached, 0 where it never is.

    Changes `height` on the way to the highest precision here or further down the ranking.
    """
    for index in range(len(height) - 2, -1, -1):
        height[index] = max(height[index], height[index + 1])
    index = 0
    for step, recall in enumerate(RECALL_THRESHOLDS):
        while index < len(height) and (index + 1) / objects < recall:
            index += 1
        out[step] = height[index] if index < len(height) else 0.0
