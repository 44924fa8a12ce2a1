"""mAP of corners by quadrant, against a slow loop that follows the definition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cornernet.data.coco.split import Boxes, CocoSplit, Image
from cornernet.evaluation.corners import KINDS, QUADRANTS, FoundCorners, score_corners
from cornernet.evaluation.half_sampling import intervals, paired_difference

RADIUS = 6.0
IDS = (40, 7, 13, 22, 5)  # out of order, as a file may have them


def made_split(seed=0, crowds=True):
    """Images of several sizes with crowded boxes of three categories; one image has none."""
    random = np.random.default_rng(seed)
    images, boxes, next_id = [], [], 1
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
                np.arange(next_id, next_id + count),
                (random.random(count) < 0.2) & crowds,
                np.full(count, 100.0),
            )
        )
        next_id += count
    return CocoSplit("val", Path(), tuple(images), tuple(boxes), (1, 2, 9), ("a", "b", "c"))


def made_corners(split, kind, seed=0, noise=4.0):
    """The true corners, moved a little, twice over, and others anywhere; scores that tie."""
    random = np.random.default_rng([seed, KINDS.index(kind)])
    columns = []
    for image, boxes in zip(split.images, split.boxes, strict=True):
        true = boxes.boxes[:, :2] if kind == "top_left" else boxes.boxes[:, 2:]
        points = np.concatenate([true, true, random.uniform(0, 100, size=(6, 2))])
        points = points + random.normal(scale=noise, size=points.shape)
        category = np.concatenate([boxes.categories, boxes.categories, random.integers(3, size=6)])
        score = random.integers(1, 12, size=len(points)) / 12
        columns.append((np.full(len(points), image.id), category, points, score))
    ids, categories, points, scores = (np.concatenate(part) for part in zip(*columns, strict=True))
    return FoundCorners(ids, categories, points, scores)


def slow_map(split, found, kind, quadrant):
    """The same by its words: one detection after the other, one category after the other."""
    values = []
    for category in range(3):
        ranked, objects = [], 0
        for image, boxes in sorted(zip(split.images, split.boxes, strict=True), key=by_image_id):
            ends = boxes.boxes[:, :2] if kind == "top_left" else boxes.boxes[:, 2:]
            ends, crowds = (part[boxes.categories == category] for part in (ends, boxes.crowd))
            counts = np.array([inside(end, image, quadrant) for end in ends], bool) & ~crowds
            objects += counts.sum()
            free = set(range(len(ends)))
            mine = (found.image_id == image.id) & (found.category == category)
            scores, points = found.score[mine], found.points[mine]
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


def by_image_id(pair):
    return pair[0].id


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
    values = score_corners(split, found, kind, RADIUS, 0, 0).scores
    expected = {quadrant: slow_map(split, found, kind, quadrant) for quadrant in QUADRANTS}
    assert values == pytest.approx(expected, abs=1e-9)
    assert len({round(value, 6) for value in values.values()}) == 5  # the case tells them apart


def made_true(split, kind):
    ends = slice(0, 2) if kind == "top_left" else slice(2, 4)
    count = [len(boxes.ids) for boxes in split.boxes]
    return FoundCorners(
        np.repeat([image.id for image in split.images], count),
        np.concatenate([boxes.categories for boxes in split.boxes]),
        np.concatenate([boxes.boxes[:, ends] for boxes in split.boxes]),
        np.ones(sum(count)),
    )


def test_the_radius_is_a_distance_in_pixels_to_its_last_point():
    split = made_split(crowds=False)
    rounded = tuple(replace(boxes, boxes=boxes.boxes.round()) for boxes in split.boxes)
    split = replace(split, boxes=rounded)
    true = made_true(split, "top_left")
    assert score_corners(split, true, "top_left", 0.0, 0, 0).scores["all"] == 100
    moved = replace(true, points=true.points + np.array([3.0, 4.0]))  # 5 pixels away
    near = score_corners(split, moved, "top_left", 5.0, 0, 0).scores["all"]
    assert near > score_corners(split, moved, "top_left", 4.999, 0, 0).scores["all"]


def test_intervals_hold_the_value_and_differences_are_paired():
    split = made_split()
    scores = score_corners(split, made_corners(split, "top_left"), "top_left", RADIUS, 200, 0)
    assert scores.values.shape == (200, 5)
    found = intervals(scores, 0.95)
    assert found["all"].ci_low < found["all"].value < found["all"].ci_high
    noisy = made_corners(split, "top_left", noise=9.0)
    worse = score_corners(split, noisy, "top_left", RADIUS, 200, 0)
    paired = intervals(paired_difference(scores, worse), 0.95)["all"]
    assert paired.value == pytest.approx(scores.scores["all"] - worse.scores["all"])
    assert paired.ci_low > 0


def test_a_quadrant_without_annotated_corners_is_undefined():
    one = np.ones(1)
    boxes = Boxes(np.array([[10.0, 10, 30, 30]]), np.array([0]), one, one < 0, one)
    split = replace(made_split(), images=(Image(1, "1.png", 100, 100),), boxes=(boxes,))
    nothing = FoundCorners(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2)), np.zeros(0))
    values = score_corners(split, nothing, "top_left", RADIUS, 3, 0).scores
    assert values == {**dict.fromkeys(QUADRANTS), "all": 0.0, "top_left": 0.0}
