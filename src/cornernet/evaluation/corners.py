"""mAP of corners by the quadrant of the image that they lie in (the journal version, 4.4).

A detected corner is a true positive if it lies within a small radius of an annotated corner. In
descending order of score, each detection takes the nearest annotated corner of its category and
image that is still free; average precision and its mean over categories are COCO's. A quadrant is
treated as COCO treats a range of sizes: only the annotated corners in it count, and a detection
that lies elsewhere and takes none of them is ignored. Corners of crowds do not count, and a
detection that takes one is ignored.
"""

import numpy as np
import pandas as pd

from cornernet.data.coco.split import CocoSplit
from cornernet.evaluation.average_precision import accumulate, mean_over_categories
from cornernet.evaluation.half_sampling import HalfSampled, half_sample
from cornernet.evaluation.matching import Candidates, match
from cornernet.evaluation.metric_names import QUADRANTS
from cornernet.evaluation.ranking import Rankings, rank


def score_corners(
    split: CocoSplit, found: pd.DataFrame, mode: str, radius: float, halves: int, seed: int
) -> HalfSampled:
    """mAP of the corners of `mode` (of CORNER_MODES) by quadrant; `radius` in pixels.

    `found` has a row per corner that a network found in the split, in any order: corner (which),
    image_id, category (index among the split's), x and y in pixels of the image, score. Halves are
    those of the box metrics with the same seed, so scores of two models can be subtracted. Raises
    ValueError for a corner on an image of another split.
    """
    rankings = rank_corners(split, found, mode.removesuffix("_corners"), radius)

    def values_of(chosen: np.ndarray) -> np.ndarray:
        precision, _, _ = accumulate(rankings, chosen)  # [R, C, 5, 1]
        areas = range(len(QUADRANTS))
        return 100 * np.stack([mean_over_categories(precision[:, :, a]) for a in areas], axis=1)

    return half_sample(values_of, QUADRANTS, len(split.images), halves, seed)


def rank_corners(split: CocoSplit, found: pd.DataFrame, kind: str, radius: float) -> Rankings:
    """Detections matched to annotated corners and ranked; quadrants stand for area ranges."""
    found = found[found["corner"] == kind]
    found_in, found_at = found["image_id"].to_numpy("int64"), found[["x", "y"]].to_numpy("float64")
    by_id = np.argsort([image.id for image in split.images])
    images, boxes = [split.images[at] for at in by_id], [split.boxes[at] for at in by_id]
    image_ids = np.array([image.id for image in images], dtype=np.int64)
    sizes = np.array([(image.width, image.height) for image in images])
    image_of_found = np.searchsorted(image_ids, found_in)
    if (image_ids[np.minimum(image_of_found, len(images) - 1)] != found_in).any():
        raise ValueError(f"corners were found in images that split {split.name} does not have")
    # Reversed: of equally close corners the definition takes the first, `match` the last.
    sides = slice(0, 2) if kind == "top_left" else slice(2, 4)
    points = np.concatenate([b.boxes[:, sides] for b in boxes]).astype(np.float64)[::-1]
    image = np.repeat(np.arange(len(boxes)), [len(b.ids) for b in boxes])[::-1]

    def nearness(detection: np.ndarray, object_: np.ndarray) -> np.ndarray:
        return -np.hypot(*(found_at[detection] - points[object_]).T)

    category = np.concatenate([b.categories for b in boxes])[::-1]
    within = in_quadrants(found_at, sizes[image_of_found])
    matches = match(
        Candidates(image_of_found, found["category"].to_numpy("int64"), within),
        found["score"].to_numpy("float64"),
        Candidates(image, category, in_quadrants(points, sizes[image])),
        np.concatenate([b.crowd for b in boxes])[::-1],
        nearness,
        thresholds=np.array([-float(radius)]),
    )
    return rank(matches, len(image_ids), len(split.category_ids))


def in_quadrants(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Which of QUADRANTS each point [N, 2] lies in: bool [5, N]; `sizes` [N, 2] width, height.

    A point on a dividing line belongs to the quadrant to its right, or below it.
    """
    left, top = (2 * points < sizes).T
    return np.stack([np.ones_like(left), left & top, ~left & top, left & ~top, ~left & ~top])
