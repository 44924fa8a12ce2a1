"""Corners each for itself, on images of rectangles that a hand-made network sees exactly."""

from dataclasses import replace

import numpy as np
import torch
from detection.rectangles import SIZES, rectangle_network
from detection.settings import CLEAN, SMALL_MODEL

from cornernet.detection.corners import find_corners

CPU = torch.device("cpu")


def test_every_corner_is_found_where_it_is(split):
    seen, known = [], (rectangle_network, SMALL_MODEL, split)
    found = find_corners(*known, CLEAN, CPU, lambda *progress: seen.append(progress))
    assert set(found) == set(SIZES)
    assert seen[-1] == (6, 6)
    for image, objects in zip(split.images, split.boxes, strict=True):
        for kind, ends in enumerate((slice(0, 2), slice(2, 4))):
            corners = found[image.id][kind]
            count = len(objects.ids)
            assert (np.diff(corners.scores) <= 0).all()
            best = sorted(zip(corners.categories[:count], *corners.points[:count].T, strict=True))
            true = sorted(zip(objects.categories, *objects.boxes[:, ends].T, strict=True))
            np.testing.assert_allclose(best, true, atol=1e-3)
    fewer = find_corners(*known, replace(CLEAN, top_corners=2), CPU, lambda *_: None)
    assert {len(one.scores) for pair in fewer.values() for one in pair} == {2}
