"""Corners each for itself, on images of rectangles that a hand-made network sees exactly."""

from dataclasses import replace

import numpy as np
import torch
from detection.rectangles import SIZES, rectangle_network
from detection.settings import CLEAN, SMALL_MODEL

from cornernet.detection.corners import find_corners


def find(split, params=CLEAN, progress=lambda done, total: None):
    device = torch.device("cpu")
    return find_corners(rectangle_network, SMALL_MODEL, split, params, device, progress)


def test_every_corner_is_found_where_it_is(split):
    found = find(split)
    assert set(found) == set(SIZES)
    for image, objects in zip(split.images, split.boxes, strict=True):
        for kind, ends in enumerate((slice(0, 2), slice(2, 4))):
            corners = found[image.id][kind]
            count = len(objects.ids)
            assert (np.diff(corners.scores) <= 0).all()
            best = sorted(zip(corners.categories[:count], *corners.points[:count].T, strict=True))
            true = sorted(zip(objects.categories, *objects.boxes[:, ends].T, strict=True))
            np.testing.assert_allclose(best, true, atol=1e-3)


def test_as_many_corners_as_asked_for_and_progress_to_the_last_image(split):
    seen = []
    found = find(
        split, replace(CLEAN, top_corners=2), lambda done, total: seen.append((done, total))
    )
    assert {len(one.scores) for pair in found.values() for one in pair} == {2}
    assert seen[-1] == (6, 6)
