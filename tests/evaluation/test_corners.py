"""mAP of corners by quadrant, against a slow loop that follows the definition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cornernet.data.coco.split import Boxes, CocoSplit, Image
from cornernet.evaluation.corners import score_corners
from cornernet.evaluation.half_sampling import draw_halves
from cornernet.evaluation.metric_names import CORNER_MODES, QUADRANTS

RADIUS = 6.0
KINDS = [mode.removesuffix("_corners") for mode in CORNER_MODES]
IDS = (40, 7, 13, 22, 5)  # out of order, as a file may have them


def made_split(seed=0):
    """Images of several sizes with crowded boxes of three categories; one image has none."""
    random = np.random.default_rng(seed)
    images, boxes = [], []
    for identity in IDS:
        width, height = (int(side) for side in random.integers(40, 120, size=2))
        count = 0 if identity == 13 else int(random.integers(8, 14))
        low = random.uniform(0, 0.8, size=(count, 2)) * (width, height)
        high = low + random.uniform(2, 0.4 * min(width, height), size=(count, 2))
        images.append(Image(identity, f"{identity}.png", width, height))
        boxes.append(
            Boxes(
                np.concatenate([low, high], axis=1),
                random.integers(3, size=count),
                np.arange(count),
                random.random(count) < 0.2,
                np.full(count, 100.0),
            )
        )
    return CocoSplit("val", Path(), tuple(images), tuple(boxes), (1, 2, 9), ("a", "b", "c"))


def made_corners(split, kind, seed=0):
    """The true corners, moved a little, twice over, and others anywhere; scores that tie."""
    random = np.random.default_rng([seed, KINDS.index(kind)])
    columns = []
    for image, boxes in zip(split.images, split.boxes, strict=True):
        true = boxes.boxes[:, :2] if kind == "top_left" else boxes.boxes[:, 2:]
        points = np.concatenate([true, true, random.uniform(0, 100, size=(6, 2))])
        points = points + random.normal(scale=4.0, size=points.shape)
        category = np.concatenate([boxes.categories, boxes.categories, random.integers(3, size=6)])
        score = random.integers(1, 12, size=len(points)) / 12
        columns.append((np.full(len(points), image.id), category, points, score))
    return table(kind, *(np.concatenate(part) for part in zip(*columns, strict=True)))


def table(kind, ids, categories, points, scores):
    """Corners of a kind as the stage writes them, and one of the other kind."""
    columns = {"image_id": ids, "category": categories, "x": points[:, 0], "y": points[:, 1]}
    (other,) = {*KINDS} - {kind}
    found = pd.DataFrame({"corner": kind, **columns, "score": scores})
    return pd.concat([found, found.iloc[:1].assign(corner=other)])


def slow_map(split, found, kind, quadrant):
    """The same by its words: one detection after the other, one category after the other."""
    found = found[found["corner"] == kind]
    values = []
    for category in range(3):
        ranked, objects = [], 0
        for one in np.argsort([image.id for image in split.images]):
            image, boxes = split.images[one], split.boxes[one]
            ends = boxes.boxes[:, :2] if kind == "top_left" else boxes.boxes[:, 2:]
            ends, crowds = (part[boxes.categories == category] for part in (ends, boxes.crowd))
            counts = np.array([inside(end, image, quadrant) for end in ends], bool) & ~crowds
            objects += counts.sum()
            free = set(range(len(ends)))
            mine = found[(found["image_id"] == image.id) & (found["category"] == category)]
            scores, points = mine["score"].to_numpy(), mine[["x", "y"]].to_numpy()
            for at in np.argsort(-scores, kind="stable"):
                distance = np.hypot(*(ends - points[at]).T)
                near = [one for one in free if distance[one] <= RADIUS]
                if near:
                    best = min(near, key=lambda one: (not counts[one], distance[one]))
                    if not crowds[best]:
                        free.remove(best)
                    if counts[best]:
                        ranked.append((scores[at], True))
                elif inside(points[at], image, quadrant):
                    ranked.append((scores[at], False))
        if objects:
            ranked.sort(key=lambda pair: -pair[0])
            values.append(average_precision([right for _, right in ranked], objects))
    return 100 * np.mean(values) if values else None


def inside(point, image, quadrant):
    if quadrant == "all":
        return True
    vertical = "top" if point[1] < image.height / 2 else "bottom"
    horizontal = "left" if point[0] < image.width / 2 else "right"
    return quadrant == f"{vertical}_{horizontal}"


def average_precision(right, objects):
    """COCO's: the envelope of precision, read at 101 recalls."""
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    envelope = [max(precision[at:]) for at in range(len(right))]
    recall = found / objects
    reached = [np.flatnonzero(recall >= step) for step in np.linspace(0, 1, 101)]
    return np.mean([envelope[at[0]] if len(at) else 0.0 for at in reached])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_quadrants_agree_with_a_slow_loop(kind, seed):
    split = made_split(seed)
    found = made_corners(split, kind, seed)
    sampled = score_corners(split, found, f"{kind}_corners", RADIUS, 3, 0)
    expected = {quadrant: slow_map(split, found, kind, quadrant) for quadrant in QUADRANTS}
    assert sampled.scores == pytest.approx(expected, abs=1e-9)
    assert len({round(value, 6) for value in expected.values()}) == 5  # the case tells them apart
    for half, values in zip(draw_halves(len(IDS), 3, 0), sampled.values, strict=True):
        part = split.at(np.argsort(IDS)[half].tolist())
        mine = found[found["image_id"].isin([image.id for image in part.images])]
        expected = np.array([slow_map(part, mine, kind, one) for one in QUADRANTS], float)
        np.testing.assert_allclose(values, expected, atol=1e-9)


def test_the_radius_is_a_distance_in_pixels_to_its_last_point():
    """Of one box; the quadrants without an annotated corner are undefined."""
    one = np.ones(1)
    boxes = Boxes(np.array([[10.0, 10, 30, 30]]), np.array([0]), one, one < 0, one)
    split = replace(made_split(), images=(Image(1, "1.png", 100, 100),), boxes=(boxes,))
    for point, radius, score in (((10, 10), 0, 100), ((13, 14), 5, 100), ((13, 14), 4.999, 0)):
        found = table("top_left", [1], [0], np.array([point]), [0.5])
        expected = {**dict.fromkeys(QUADRANTS), "all": score, "top_left": score}
        scored = score_corners(split, found, "top_left_corners", radius, 0, 0)
        assert scored.scores == pytest.approx(expected)
