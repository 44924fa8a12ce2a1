"""Simulated detectors on made boxes: a population of images, from which test sets are drawn.

Two models find and miss much the same objects, as two detectors of one kind do; images and
categories differ in difficulty, so that a score depends on which images are drawn.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cornernet.evaluation.coco_results import CocoResults
from cornernet.evaluation.matching import Matches, match_boxes
from cornernet.evaluation.ranking import Rankings, rank

LOG_SIDES = (math.log(8), math.log(400))  # pixels: a third of the objects are small, a third large
OBJECTS = {80: 7.4, 4: 3.3}  # per image, as in val2017 and about as in the embedded data set
# Share of each category, the commonest first, interpolated between some of val2017's ranks.
RANKS = (0, 1, 3, 5, 10, 20, 50, 70, 79)
SHARES = (0.299, 0.053, 0.032, 0.024, 0.012, 0.0098, 0.0061, 0.0028, 0.00024)
KINDS_PER_IMAGE = 4  # at most, about three in the mean: as in val2017
SHARED = 0.8  # of what makes an object hard, how much is hard for both models
EDGES = 0.06  # relative error of a found box's sides, where an object is of mean difficulty
FOUND = 1.4  # difficulty, in standard deviations, up to which an object is found
TWICE = 0.15  # of the objects that are found
FALSE_POSITIVES = 4.0  # per image
CONFUSED = 0.08  # of what is found, in another category


@dataclass(frozen=True)
class Population:
    """Two models' detections on the same images, matched to their objects."""

    images: int
    categories: int
    models: tuple[Matches, Matches]


def population(images: int, categories: int, seed: int) -> Population:
    """Draw objects and what both models find. The second model is a little worse."""
    random = np.random.default_rng([seed, categories])
    objects = _objects(images, categories, random)
    hard_image, hard_kind = random.normal(0, 0.8, images), random.normal(0, 0.7, categories)
    hard = hard_image[objects.image_id] + hard_kind[objects.category_id]
    hard += 0.6 * (LOG_SIDES[1] / 2 - np.log(objects.width.to_numpy() * objects.height) / 4)
    hard += SHARED * random.normal(0, 1, len(objects))
    ids = np.arange(images), np.arange(categories)
    first, second = (
        match_boxes(objects, _detections(objects, hard + worse, images, categories, random), *ids)
        for worse in (0.0, 0.15)
    )
    return Population(images, categories, (first, second))


def rankings_of(matches: Matches, drawn: np.ndarray, whole: Population) -> Rankings:
    """What one model's rankings are on the images `drawn` alone, int64 [n], without repetition."""
    place = np.full(whole.images, -1)
    place[drawn] = np.arange(len(drawn))
    kept, kept_objects = place[matches.image] >= 0, place[matches.object_image] >= 0
    of_drawn = dataclasses.replace(
        matches,
        category=matches.category[kept],
        image=place[matches.image[kept]],
        rank=matches.rank[kept],
        outcome=matches.outcome[:, :, kept],
        object_category=matches.object_category[kept_objects],
        object_image=place[matches.object_image[kept_objects]],
        object_counted=matches.object_counted[:, kept_objects],
    )
    return rank(of_drawn, len(drawn), whole.categories)


def _objects(images: int, categories: int, random: np.random.Generator) -> pd.DataFrame:
    """Annotations. Of 80 categories most are rare, as in COCO; of 4 all are equally common."""
    numbers = 1 + random.poisson(random.exponential(OBJECTS[categories] - 1, images))
    image = np.repeat(np.arange(images), numbers)
    common = np.interp(np.arange(80), RANKS, SHARES) if categories == 80 else np.ones(categories)
    shape = images, KINDS_PER_IMAGE
    kinds = random.choice(categories, shape, p=common / common.sum())
    sides = np.exp(random.uniform(*LOG_SIDES, (len(image), 1)))
    sides = sides * np.exp(random.normal(0, 0.3, (len(image), 2)))
    corner = random.uniform(0, 600, (len(image), 2))
    return pd.DataFrame(
        {
            "image_id": image,
            "category_id": kinds[image, random.integers(0, KINDS_PER_IMAGE, len(image))],
            "x": corner[:, 0],
            "y": corner[:, 1],
            "width": sides[:, 0],
            "height": sides[:, 1],
            "area": sides.prod(axis=1),
            "crowd": np.zeros(len(image), bool),
        }
    )


def _detections(
    objects: pd.DataFrame, hard: np.ndarray, images: int, categories: int, rng: np.random.Generator
) -> CocoResults:
    """Found objects, some of them twice, some in another category; and boxes of nothing."""
    alone = np.asarray(hard) + np.sqrt(1 - SHARED**2) * rng.normal(0, 1, len(objects))
    twice = np.flatnonzero(rng.random(len(objects)) < TWICE)
    found = np.concatenate([np.flatnonzero(alone < FOUND), twice[alone[twice] < FOUND]])
    boxes = objects[["x", "y", "width", "height"]].to_numpy()[found]
    off = EDGES * np.exp(0.5 * alone[found, None]) * rng.normal(0, 1, (len(found), 4))
    near = boxes + off * np.tile(boxes[:, 2:], 2)
    confused = rng.random(len(found)) < CONFUSED
    kinds = objects.category_id.to_numpy()
    kind = np.where(confused, rng.integers(0, categories, len(found)), kinds[found])
    nothing = np.repeat(np.arange(images), rng.poisson(FALSE_POSITIVES, images))
    sides = np.exp(rng.uniform(*LOG_SIDES, (len(nothing), 2)))
    loose = np.hstack([rng.uniform(0, 600, (len(nothing), 2)), sides])
    score = np.concatenate([
        0.3 - alone[found] - confused + 0.6 * rng.normal(0, 1, len(found)),
        -1.2 + 0.9 * rng.normal(0, 1, len(nothing)),
    ])  # fmt: skip
    return CocoResults(
        image_id=np.concatenate([objects.image_id.to_numpy()[found], nothing]),
        category_id=np.concatenate([kind, rng.choice(kinds, len(nothing))]),
        boxes=np.vstack([near, loose]),
        score=1 / (1 + np.exp(-score)),
    )
