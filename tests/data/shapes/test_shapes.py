"""What the embedded data set shows: the same draws everywhere, the objects that the experiment needs."""

import dataclasses
import itertools

import cv2
import numpy as np
import pytest
from data.shapes.shapes_case import SMALL, boxes_of

from cornernet.data.shapes.generate import SPLIT_NUMBERS, annotated, draw_image
from cornernet.data.shapes.layout import PlacedObject, covered
from cornernet.data.shapes.render import CATEGORIES, PortableRandom, draw_background, shape_mask


@pytest.mark.parametrize("category", CATEGORIES)
def test_shapes_touch_their_box_and_leave_its_corners_empty(category):
    sides = (12, 13, 31, 64, 97, 127)
    for width, height, thickness in itertools.product(sides, sides, (25, 45)):
        mask = shape_mask(category, width, height, thickness)
        assert mask.shape == (height, width)
        for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
            assert side.any()
        x, y = max(width // 10, 1), max(height // 10, 1)
        for corner in (mask[:y, :x], mask[:y, -x:], mask[-y:, :x], mask[-y:, -x:]):
            assert not corner.any()
        np.testing.assert_array_equal(mask, mask[::-1, ::-1])


def test_boxes_are_tight_around_what_is_drawn():
    """Against the image without its object: the same draws begin both."""
    params = dataclasses.replace(SMALL, max_objects=1)
    drawn = [(index, *draw_image(2, index, params)) for index in range(40)]
    alone = [(index, pixels, objects) for index, pixels, objects in drawn if objects]
    assert len(alone) > 30
    for index, pixels, objects in alone:
        draws = PortableRandom(SMALL.seed, 2, index)
        empty, _ = draw_background(draws, draws.integer(96, 127), draws.integer(96, 127))
        changed = (pixels != empty).any(axis=2).astype(np.uint8)
        assert boxes_of(objects) == [cv2.boundingRect(changed)]


def test_annotators_err_evenly_by_no_more_than_asked_and_stay_inside():
    exact = PlacedObject(category=0, x=20, y=30, width=50, height=100, thickness=30)
    sides = np.array(
        [
            (a.x - 20, a.x + a.width - 70, a.y - 30, a.y + a.height - 130)
            for index in range(2000)
            for a in [annotated(exact, (200, 200), PortableRandom(7, 1, index, 1), percent=6)]
        ]
    )
    assert np.abs(sides).max(axis=0).tolist() == [3, 3, 6, 6]
    assert np.abs(sides.mean(axis=0)).max() < 0.3
    assert np.abs(np.corrcoef(sides.T) - np.eye(4)).max() < 0.1
    cut = annotated(exact, (70, 130), PortableRandom(7, 1, 0, 1), percent=25)
    assert cut.x + cut.width <= 70
    assert cut.y + cut.height <= 130
    assert annotated(exact, (200, 200), PortableRandom(7, 1, 0, 1), percent=0) == exact


@pytest.mark.parametrize("overlap", [0.0, 0.3])
def test_objects_lie_inside_and_overlap_no_more_than_asked(overlap):
    most = 0.0
    for index in range(50):
        pixels, objects = draw_image(1, index, dataclasses.replace(SMALL, overlap=overlap))
        height, width, _ = pixels.shape
        for x, y, *sides in boxes_of(objects):
            assert 0 <= x <= x + sides[0] <= width
            assert 0 <= y <= y + sides[1] <= height
        pairs = itertools.combinations(objects, 2)
        most = max([most, *(covered(one, other) for one, other in pairs)])
    assert overlap - 0.1 < most <= overlap  # and some do


def test_covered_is_of_the_smaller_box():
    one, other = PlacedObject(0, 0, 0, 10, 10, 30), PlacedObject(0, 5, 5, 20, 40, 30)
    assert covered(one, other) == covered(other, one) == 0.25
    assert covered(one, PlacedObject(0, 10, 0, 5, 5, 30)) == 0


def test_val_has_hundreds_of_objects_of_each_class_and_category():
    images = [draw_image(SPLIT_NUMBERS["val"], index, SMALL)[1] for index in range(300)]
    objects = list(itertools.chain.from_iterable(images))
    areas = np.array([o.width * o.height for o in objects])
    classes = np.bincount(np.digitize(areas, [32**2, 96**2]), minlength=3)
    categories = np.bincount([o.category for o in objects], minlength=len(CATEGORIES))
    assert min(*classes, *categories) > 100
