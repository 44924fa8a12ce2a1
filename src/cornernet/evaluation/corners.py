"""mAP of corners by the quadrant of the image that they lie in (the journal version, 4.4).

Finding corners of a category is a ranking: an annotated corner is right, and what lies outside a
small radius of every corner is wrong. A detection takes the nearest free annotated corner of its
category and image within the radius, in descending order of score; average precision and its mean
over categories are COCO's. Within a quadrant only the annotated corners that lie there count, and
a detection that lies elsewhere and takes none of them is left out of the account, as COCO does
with sizes. Corners of crowds do not count, nor does a detection that takes one.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from cornernet.data.coco.split import CocoSplit
from cornernet.evaluation.accumulate import Rankings, accumulate, rank
from cornernet.evaluation.bootstrap import Interval, intervals, resampled_values
from cornernet.evaluation.coco_metrics import defined, mean_over_categories
from cornernet.evaluation.matching import FALSE, IGNORED, TRUE, Matches, bounds

KINDS = ("top_left", "bottom_right")  # which corner of the boxes
QUADRANTS = ("all", "top_left", "top_right", "bottom_left", "bottom_right")  # of the image


@dataclass(frozen=True)
class FoundCorners:
    """Corners of one kind that a network found in a split, in any order."""

    image_id: np.ndarray  # int64 [N]
    category: np.ndarray  # int64 [N]: index among the split's categories, 0 to C - 1
    points: np.ndarray  # float64 [N, 2]: x, y in pixels of the image
    score: np.ndarray  # float64 [N]


@dataclass(frozen=True)
class CornerScores:
    """mAP of one kind of corner: by quadrant, of the split and of each resample of its images."""

    values: dict[str, float | None]  # QUADRANTS, in percent; None without an annotated corner
    resampled: np.ndarray  # float64 [resamples, 5] in percent; NaN where undefined


def score_corners(
    split: CocoSplit,
    found: FoundCorners,
    kind: str,
    radius: float,
    resamples: int,
    seed: int,
) -> CornerScores:
    """mAP of the corners of `kind` (of KINDS); `radius` in pixels.

    Resamples draw the images that those of the box metrics draw with the same seed, so two models'
    can be subtracted. Raises ValueError for a detection on an image that the split does not have.
    """
    rankings = rank_corners(split, found, kind, radius)
    images = len(split.images)
    value = corner_map(rankings, np.ones((1, images), dtype=np.int32))[0]
    return CornerScores(
        dict(zip(QUADRANTS, map(defined, value.tolist()), strict=True)),
        resampled_values(
            lambda weights: corner_map(rankings, weights), len(QUADRANTS), images, resamples, seed
        ),
    )


def corner_intervals(scores: CornerScores, confidence: float) -> dict[str, Interval]:
    """Each quadrant's mAP with its bootstrap interval over images."""
    return intervals(scores.values, scores.resampled, confidence)


def corner_difference(
    variant: CornerScores, reference: CornerScores, confidence: float
) -> dict[str, Interval]:
    """mAP of `variant` minus that of `reference` by quadrant, in points, paired by image."""
    points: dict[str, float | None] = {}
    for quadrant in QUADRANTS:
        mine, other = variant.values[quadrant], reference.values[quadrant]
        points[quadrant] = None if mine is None or other is None else mine - other
    return intervals(points, variant.resampled - reference.resampled, confidence)


def corner_map(rankings: Rankings, weights: np.ndarray) -> np.ndarray:
    """mAP in percent by quadrant, float64 [R, 5], for each row of image weights int32 [R, I]."""
    precision, _ = accumulate(rankings, weights)  # [R, C, 5, 1]
    columns = [mean_over_categories(precision[:, :, area]) for area in range(len(QUADRANTS))]
    return 100 * np.stack(columns, axis=1)


def rank_corners(split: CocoSplit, found: FoundCorners, kind: str, radius: float) -> Rankings:
    """Detections matched to the annotated corners and ranked, with a quadrant for an area range."""
    order_of_images = np.argsort([image.id for image in split.images])
    image_ids = np.array([split.images[at].id for at in order_of_images], dtype=np.int64)
    sizes = np.array([(split.images[at].width, split.images[at].height) for at in order_of_images])
    image = np.searchsorted(image_ids, found.image_id)
    if (image_ids[np.minimum(image, len(image_ids) - 1)] != found.image_id).any():
        raise ValueError(f"corners were found in images that split {split.name} does not have")
    group = found.category * len(image_ids) + image
    order = np.lexsort((-found.score, group))
    ranks = np.arange(len(order)) - np.searchsorted(group[order], group[order])

    ends = slice(0, 2) if kind == "top_left" else slice(2, 4)
    boxes = [split.boxes[at] for at in order_of_images]
    true_points = np.concatenate([b.boxes[:, ends] for b in boxes]).astype(np.float64)
    true_image = np.repeat(np.arange(len(boxes)), [len(b.ids) for b in boxes])
    true_category = np.concatenate([b.categories for b in boxes])
    true_group = true_category * len(image_ids) + true_image
    true_order = np.argsort(true_group, kind="stable")
    crowd = np.concatenate([b.crowd for b in boxes])
    counted = in_quadrants(true_points, sizes[true_image]) & ~crowd  # [5, G]

    points = found.points[order]
    groups = np.unique(group)
    outcome = _match_groups(
        bounds(group[order], groups),
        bounds(true_group[true_order], groups),
        points,
        in_quadrants(points, sizes[image[order]]),
        true_points[true_order],
        np.ascontiguousarray(counted[:, true_order]),
        crowd[true_order],
        float(radius),
    )
    by_score = np.lexsort((-found.score[order], found.category[order]))
    final = order[by_score]
    matches = Matches(
        category=found.category[final],
        image=image[final],
        rank=ranks[by_score],
        score=found.score[final],
        outcome=np.ascontiguousarray(outcome[:, None, by_score]),
        object_category=true_category[true_order],
        object_image=true_image[true_order],
        object_counted=np.ascontiguousarray(counted[:, true_order]),
    )
    return rank(matches, len(image_ids), len(split.category_ids))


def in_quadrants(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Which of QUADRANTS each point [N, 2] lies in: bool [5, N]; `sizes` [N, 2] width, height.

    A point on a line that divides an image lies to the right of it, or below.
    """
    left, top = (2 * points < sizes).T if len(points) else (np.zeros(0, bool), np.zeros(0, bool))
    return np.stack([np.ones_like(left), left & top, ~left & top, left & ~top, ~left & ~top])


@njit(nogil=True, cache=True)
def _match_groups(
    rows: np.ndarray,
    true_rows: np.ndarray,
    points: np.ndarray,
    within: np.ndarray,
    true_points: np.ndarray,
    counted: np.ndarray,
    crowd: np.ndarray,
    radius: float,
) -> np.ndarray:
    """Outcomes [5, N] of detections, group after group of one image and category."""
    outcome = np.empty(within.shape, dtype=np.uint8)
    taken = np.empty(len(true_points), dtype=np.bool_)
    for group in range(len(rows)):
        for area in range(len(within)):
            taken[:] = False
            for index in range(rows[group, 0], rows[group, 1]):
                outcome[area, index] = FALSE if within[area, index] else IGNORED
                best = _nearest(
                    points[index], true_rows[group], true_points, counted[area], crowd, taken,
                    radius,
                )  # fmt: skip
                if best >= 0:
                    taken[best] = not crowd[best]
                    outcome[area, index] = TRUE if counted[area, best] else IGNORED
    return outcome


@njit(nogil=True, cache=True)
def _nearest(
    point: np.ndarray,
    rows: np.ndarray,
    true_points: np.ndarray,
    counted: np.ndarray,
    crowd: np.ndarray,
    taken: np.ndarray,
    radius: float,
) -> int:
    """The nearest free annotated corner within the radius, of those that count if any; else -1."""
    best, best_distance = -1, np.inf
    for other in range(rows[0], rows[1]):
        if taken[other]:
            continue
        distance = np.hypot(point[0] - true_points[other, 0], point[1] - true_points[other, 1])
        if distance > radius:
            continue
        surer = best >= 0 and counted[other] and not counted[best]
        as_sure = best < 0 or counted[other] == counted[best]
        if surer or (as_sure and distance < best_distance):
            best, best_distance = other, distance
    return best
