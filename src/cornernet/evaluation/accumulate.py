"""Precision and recall from matches, with a whole-number weight for each image.

A weight says how many copies of its image the data set holds: ones give COCO's metrics, a
bootstrap resample gives the metrics of that resample, equal to what the COCO API computes when the
copies are written out as separate images in the order of the originals.

Precision at a recall is read where the recall is first reached, from the envelope that never
rises; so only the detections that are right need to be looked at, once their ranks are counted.
"""

from dataclasses import dataclass

import numpy as np

from cornernet.evaluation.matching import Matches
from cornernet.evaluation.sweep import accumulate_rankings, precision_of_rankings, ranking_entries

RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)  # https://cocodataset.org/#detection-eval
# Columns of recall: every area range at a hundred detections, then all areas at ten and at one.
RECALL_COLUMNS = ("all", "small", "medium", "large", "all10", "all1")


@dataclass(frozen=True)
class Rankings:
    """For every category, area range and IoU threshold the detections in the account, by score."""

    entries: np.ndarray  # int32, ranking after ranking
    starts: np.ndarray  # int64 [C, A, T, 2]: first and last-plus-one entry of a ranking
    object_starts: np.ndarray  # int64 [C, A, 2]
    object_images: np.ndarray  # int64: images of the objects that count
    images: int


def rank(matches: Matches, images: int, categories: int) -> Rankings:
    """Sort the outcomes into rankings; `images` and `categories` are how many the split has."""
    if images >= 2**27:
        raise ValueError(f"{images} images do not fit a ranking's entries")
    bounds = np.searchsorted(matches.category, np.arange(categories + 1))
    tied = np.zeros(len(matches.score), dtype=np.bool_)  # with the one before, anywhere in the list
    tied[1:] = (matches.score[1:] == matches.score[:-1]) & (matches.image[1:] == matches.image[:-1])
    entries, starts = ranking_entries(matches.outcome, matches.image, matches.rank, tied, bounds)
    areas = len(matches.object_counted)
    object_starts = np.zeros((categories, areas, 2), dtype=np.int64)
    chosen, filled = [], 0
    for category in range(categories):
        mine = matches.object_category == category
        for area in range(areas):
            found = matches.object_image[mine & matches.object_counted[area]]
            object_starts[category, area] = filled, filled + len(found)
            filled += len(found)
            chosen.append(found)
    object_images = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
    return Rankings(entries, starts, object_starts, object_images, images)


def accumulate(rankings: Rankings, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average precision [R, C, A, T] and recall [R, C, 6, T] under image weights int32 [R, I].

    The six columns of recall are RECALL_COLUMNS. NaN where a category has no object.
    """
    return accumulate_rankings(
        rankings.entries,
        rankings.starts,
        rankings.object_starts,
        rankings.object_images,
        np.ascontiguousarray(weights, dtype=np.int32),
        RECALL_THRESHOLDS,
    )


def precision_at_recalls(rankings: Rankings) -> np.ndarray:
    """Precision [C, A, T, 101] at RECALL_THRESHOLDS over the whole split; NaN without objects."""
    return precision_of_rankings(
        rankings.entries,
        rankings.starts,
        rankings.object_starts,
        np.ones(rankings.images, dtype=np.int32),
        RECALL_THRESHOLDS,
    )
