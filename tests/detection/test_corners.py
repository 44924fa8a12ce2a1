"""Corners each for itself, on images of rectangles that a hand-made network sees exactly."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from detection.rectangles import draw_rectangles, rectangle_network, split_of
from detection.settings import CLEAN, SMALL_MODEL

from cornernet.detection.corners import find_corners
from cornernet.evaluation.corners import KINDS, FoundCorners, score_corners

SIZES = {7: (60, 90), 3: (63, 79), 12: (60, 90), 5: (100, 64)}


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    images = {identity: draw_rectangles(*size, identity) for identity, size in SIZES.items()}
    for identity, (pixels, _, _) in images.items():
        cv2.imwrite(str(folder / f"{identity:06d}.png"), pixels)
    return split_of(folder, images)


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


def test_they_score_a_hundred_in_every_quadrant(split):
    found = find(split)
    for number, kind in enumerate(KINDS):
        each = {identity: pair[number] for identity, pair in found.items()}
        corners = FoundCorners(
            np.repeat(list(each), [len(one.scores) for one in each.values()]),
            np.concatenate([one.categories for one in each.values()]),
            np.concatenate([one.points for one in each.values()]).astype(float),
            np.concatenate([one.scores for one in each.values()]).astype(float),
        )
        values = score_corners(split, corners, kind, 1.0, 0, 0).values
        defined = {value for value in values.values() if value is not None}
        assert min(defined) == pytest.approx(100.0)


def test_the_mirror_and_the_batch_size_change_nothing(split):
    reference = find(split)
    for params in (replace(CLEAN, flip=False), replace(CLEAN, batch_size=1, threads=2)):
        for identity, pair in find(split, params).items():
            for mine, other in zip(pair, reference[identity], strict=True):
                for name in ("points", "scores", "categories"):
                    np.testing.assert_array_equal(getattr(mine, name), getattr(other, name))


def test_as_many_corners_as_asked_for_and_progress_to_the_last_image(split):
    seen = []
    found = find(
        split, replace(CLEAN, top_corners=2), lambda done, total: seen.append((done, total))
    )
    assert {len(one.scores) for pair in found.values() for one in pair} == {2}
    assert seen[-1] == (4, 4)
