"""Rankings: for each category, range and threshold, the detections that are not ignored, by score.

Precision and recall follow from a ranking alone, for any choice of the images.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from cornernet.evaluation.matching import IGNORED, TRUE_POSITIVE, Matches

# An entry of a ranking is one number: image * 4 + level. The level of a true positive says
# how many detections of its category and image have a higher score: none, fewer than ten, more.
FALSE_LEVEL, TRUE_LEVEL, TOP_TEN_LEVEL, TOP_LEVEL = 0, 1, 2, 3
LEVEL_MASK, IMAGE_SHIFT = 3, 2


class Rankings(NamedTuple):
    """Rankings of C categories, A ranges and T thresholds, and the objects to be found.

    A named tuple, which numba can read.
    """

    entries: np.ndarray  # int32, ranking after ranking
    starts: np.ndarray  # int64 [C, A, T, 2]: first and last-plus-one entry of a ranking
    object_starts: np.ndarray  # int64 [C, A, 2]: the same for rows of object_images
    object_images: np.ndarray  # int64: images of the objects that count


def rank(matches: Matches, images: int, categories: int) -> Rankings:
    """Sort the outcomes into rankings; `images` and `categories` are how many the split has."""
    if images >= 2**29:
        raise ValueError(f"{images} images do not fit a ranking's entries")
    bounds = np.searchsorted(matches.category, np.arange(categories + 1))
    entries, starts = _ranking_entries(matches.outcome, matches.image, matches.rank, bounds)
    objects = [
        matches.object_image[(matches.object_category == category) & counted]
        for category in range(categories)
        for counted in matches.object_counted
    ]
    lengths = np.array([len(images_of) for images_of in objects], dtype=np.int64)
    ends = np.cumsum(lengths)
    object_starts = np.stack([ends - lengths, ends], axis=1)
    object_starts = object_starts.reshape(categories, len(matches.object_counted), 2)
    object_images = np.concatenate([np.zeros(0, dtype=np.int64), *objects])
    return Rankings(entries, starts, object_starts, object_images)


@njit(nogil=True, cache=True)
def _ranking_entries(
    outcome: np.ndarray, image: np.ndarray, rank_in_image: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Entries and starts of Rankings; `bounds` [C + 1]: where each category's detections begin."""
    areas, thresholds, _ = outcome.shape
    starts = np.empty((len(bounds) - 1, areas, thresholds, 2), dtype=np.int64)
    entries = np.empty(np.count_nonzero(outcome != IGNORED), dtype=np.int32)
    filled = 0
    for category in range(len(bounds) - 1):
        for area in range(areas):
            for step in range(thresholds):
                starts[category, area, step, 0] = filled
                for index in range(bounds[category], bounds[category + 1]):
                    if outcome[area, step, index] == IGNORED:
                        continue
                    level = FALSE_LEVEL
                    if outcome[area, step, index] == TRUE_POSITIVE:
                        top = rank_in_image[index] < 1
                        in_ten = rank_in_image[index] < 10
                        level = TOP_LEVEL if top else TOP_TEN_LEVEL if in_ten else TRUE_LEVEL
                    entries[filled] = (image[index] << IMAGE_SHIFT) + level
                    filled += 1
                starts[category, area, step, 1] = filled
    return entries, starts
