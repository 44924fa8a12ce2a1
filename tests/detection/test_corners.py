"""Corners each for itself, and paired where scores tie and limits are met; see tests/parity too."""

from dataclasses import replace

import numpy as np
import torch
from detection.detection_case import CLEAN, SMALL_MODEL, rectangle_network

from cornernet.detection.corners import find_corners
from cornernet.detection.decode import decode, top_corners
from cornernet.model.network import CornerOutputs

CPU = torch.device("cpu")


def test_every_corner_is_found_where_it_is(split):
    seen, known = [], (rectangle_network, SMALL_MODEL, split)
    found = find_corners(*known, CLEAN, CPU, lambda *progress: seen.append(progress))
    assert found["image_id"].is_monotonic_increasing
    assert seen[-1] == (6, 6)
    for image, objects in zip(split.images, split.boxes, strict=True):
        for kind, ends in (("top_left", slice(0, 2)), ("bottom_right", slice(2, 4))):
            corners = found[(found["image_id"] == image.id) & (found["corner"] == kind)]
            assert (np.diff(corners["score"]) <= 0).all()
            best = corners[["category", "x", "y"]].to_numpy()[: len(objects.ids)]
            true = np.column_stack([objects.categories, objects.boxes[:, ends]])
            np.testing.assert_allclose(sorted(best.tolist()), sorted(true.tolist()), atol=1e-3)
    fewer = find_corners(*known, replace(CLEAN, top_corners=2), CPU, lambda *_: None)
    assert set(fewer.value_counts(["image_id", "corner"])) == {2}


def test_equal_scores_keep_the_order_of_their_place():
    corners = top_corners(torch.zeros(1, 12, 64, 64), 20, 3)
    assert corners.x[0].tolist() == list(range(20))
    assert not corners.y.any()
    assert not corners.category.any()


def test_limits_are_strict():
    """A distance of exactly the threshold passes, and so does a box without width or height."""
    heat = torch.full((1, 1, 8, 8), -9.0)
    heat[0, 0, 3, 3] = 2.0
    embedding = torch.zeros(1, 1, 8, 8)
    offset = torch.zeros(1, 2, 8, 8)
    outputs = CornerOutputs(heat, heat, embedding, embedding + 0.5, offset, offset)
    params = replace(CLEAN, top_corners=1)
    assert decode(outputs, params).boxes.tolist() == [[[3, 3, 3, 3]]]
    assert decode(outputs, params).valid.all()
    further = outputs._replace(br_embedding=embedding + 0.500001)
    assert not decode(further, params).valid.any()
    before = outputs._replace(br_offset=offset - 1e-6)
    assert not decode(before, params).valid.any()
