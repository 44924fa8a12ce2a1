"""Corners each for itself, on images of rectangles that a hand-made network sees exactly."""

from dataclasses import replace

import numpy as np
import torch
from detection.rectangles import rectangle_network
from detection.settings import CLEAN, SMALL_MODEL

from cornernet.detection.corners import find_corners

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
