"""The radius keeps the overlap that it promises, and the table holds it for every annotation."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data.sampling.training_case import TARGETS, random_split
from hypothesis import given, settings
from hypothesis import strategies as st

from cornernet.data.sampling.radii import corner_radius, object_radius, radius_table

SIDES = st.floats(0.05, 700)
OVERLAPS = st.floats(0.02, 0.98)


def overlap(width, height, shifts):
    """IoU of the box (0, 0, width, height) with the one whose corners are off by `shifts`."""
    left, top, right, bottom = shifts
    right, bottom = width + right, height + bottom
    if right <= left or bottom <= top:
        return 0.0
    across = max(0.0, min(width, right) - max(0.0, left))
    down = max(0.0, min(height, bottom) - max(0.0, top))
    union = width * height + (right - left) * (bottom - top) - across * down
    return across * down / union


def worst_overlap(width, height, radius):
    """Over all 81 ways to shift both corners by nothing or the radius along either axis."""
    steps = (-radius, 0.0, radius)
    return min(overlap(width, height, shifts) for shifts in itertools.product(steps, repeat=4))


@given(SIDES, SIDES, OVERLAPS, st.lists(st.floats(-1, 1), min_size=4, max_size=4))
@settings(max_examples=300, deadline=None)
def test_the_worst_pair_at_the_radius_just_keeps_the_overlap(width, height, min_iou, parts):
    radius = float(corner_radius(height, width, min_iou))
    assert worst_overlap(width, height, radius * (1 - 1e-9)) >= min_iou - 1e-9
    assert worst_overlap(width, height, radius * (1 + 1e-3)) < min_iou
    assert overlap(width, height, [part * radius for part in parts]) >= min_iou - 1e-9


@given(SIDES, SIDES, OVERLAPS, st.floats(0.01, 100), st.sampled_from(["exact", "pre_fix"]))
@settings(max_examples=200, deadline=None)
def test_homogeneous_and_symmetric(width, height, min_iou, scale, roots):
    radius = corner_radius(height, width, min_iou, roots)
    scaled = corner_radius(scale * height, scale * width, min_iou, roots)
    np.testing.assert_allclose(scaled, scale * radius, rtol=1e-9)
    np.testing.assert_allclose(corner_radius(width, height, min_iou, roots), radius, rtol=1e-9)


@pytest.mark.parametrize("roots", ["exact", "pre_fix"])
def test_limits(roots):
    zero = corner_radius([0, 0, 10, -3], [0, 10, 0, 5], 0.7, roots)
    np.testing.assert_array_equal(zero, 0)
    for min_iou in (1e-12, 1e-6, 1 - 1e-6, 1 - 1e-12):
        radius = corner_radius([1, 5, 300], [1, 400, 2], min_iou, roots)
        assert np.isfinite(radius).all()
        assert (radius >= 0).all()
    assert corner_radius([], [], 0.7, roots).shape == (0,)
    # With t near 0 both corners may meet in the middle, with t near 1 they may not move.
    assert corner_radius(10, 10, 1e-9) == pytest.approx(5, abs=1e-3)
    assert corner_radius(10, 10, 1 - 1e-9) == pytest.approx(0, abs=1e-6)


def test_object_radius_follows_the_switches():
    height, width = np.array([10.2, 30.0]), np.array([9.5, 31.0])
    stored, clipped = np.array([7.0, 8.0]), np.array([False, True])
    exact = corner_radius(height, width, 0.7)
    for changes, table, expected in (
        ({}, stored, [7.0, exact[1]]),
        ({}, None, exact),
        ({"penalty_reduction": "none"}, stored, [0, 0]),
        ({"penalty_reduction": "fixed", "integer_radius": True}, stored, [2.5, 2.5]),
        (
            {"integer_radius": True, "min_iou": 0.3},
            stored,
            np.floor(corner_radius([11, 30], [10, 31], 0.3)),
        ),
        ({"radius_roots": "pre_fix"}, None, corner_radius(height, width, 0.7, "pre_fix")),
    ):
        radius = object_radius(height, width, replace(TARGETS, **changes), table, clipped)
        np.testing.assert_allclose(radius, expected, rtol=1e-6)


def test_table_has_a_row_for_each_annotation_in_order():
    split = random_split(Path("images"), [3, 0, 2])
    table = radius_table(split, replace(TARGETS, min_iou=0.6))
    sides, radii = ["width", "height"], ["radius_exact", "radius_pre_fix"]
    assert list(table.columns) == ["image_id", "annotation_id", *sides, *radii]
    assert table["image_id"].tolist() == [100, 100, 100, 102, 102]
    assert table["annotation_id"].tolist() == [0, 1, 2, 3, 4]
    box = split.boxes[2].boxes[1]
    row = table.iloc[4]
    assert row[sides].tolist() == [box[2] - box[0], box[3] - box[1]]
    for name in radii:
        expected = corner_radius(row["height"], row["width"], 0.6, name.removeprefix("radius_"))
        assert row[name] == pytest.approx(float(expected))
