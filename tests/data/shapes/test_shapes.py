"""What the embedded data set shows: the same draws everywhere, the objects that the experiment needs."""

import dataclasses
import itertools

import numpy as np
import pytest
from data.shapes.shapes_case import SMALL, boxes_of

from cornernet.data.shapes.generate import SPLIT_NUMBERS, annotated, draw_image
from cornernet.data.shapes.layout import PlacedObject, covered
from cornernet.data.shapes.portable_random import PortableRandom
from cornernet.data.shapes.render import CATEGORIES, draw_background, shape_mask


def test_raw_draws_are_those_of_pcg64():
    """Recomputed here from PCG-XSL-RR's definition, to be independent of NumPy's Generator."""
    state = np.random.PCG64(np.random.SeedSequence(3, spawn_key=(1, 2))).state["state"]
    value, step = state["state"], state["inc"]
    draws = PortableRandom(3, 1, 2)
    for _ in range(5):
        value = (value * 0x2360ED051FC65DA44385DF649FCCF645 + step) % 2**128
        folded, turn = (value >> 64) ^ (value % 2**64), value >> 122
        word = (folded >> turn | folded << (64 - turn)) % 2**64
        assert draws.integer(-10, 99) == -10 + word * 110 // 2**64


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
    compared = 0
    for index in range(40):
        pixels, objects = draw_image(2, index, dataclasses.replace(SMALL, max_objects=1))
        if not objects:
            continue
        draws = PortableRandom(SMALL.seed, 2, index)
        width, height = draws.integer(96, 127), draws.integer(96, 127)
        empty, _ = draw_background(draws, width, height)
        changed = (pixels != empty).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        extent = (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert boxes_of(objects) == [extent]
        compared += 1
    assert compared > 30


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


def test_objects_lie_inside_and_overlap_no_more_than_asked():
    for overlap in (0.0, 0.3):
        params = dataclasses.replace(SMALL, overlap=overlap)
        most = 0.0
        for index in range(50):
            pixels, objects = draw_image(1, index, params)
            height, width, _ = pixels.shape
            for o in objects:
                assert 0 <= o.x <= o.x + o.width <= width
                assert 0 <= o.y <= o.y + o.height <= height
            pairs = itertools.combinations(objects, 2)
            most = max([most, *(covered(one, other) for one, other in pairs)])
        assert most <= overlap
        assert most > overlap - 0.1  # and some do


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
