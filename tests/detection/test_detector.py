"""Ground truth in place of predictions, and padding: what goes in comes out, and nothing else does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.detection_case import CLEAN, objects_of
from hypothesis import given
from hypothesis import strategies as st

from cornernet.data.sampling.geometry import flip_boxes
from cornernet.detection.detector import (
    find_candidates,
    placements_of,
    prepare_image,
    substitute,
    true_corners,
)
from cornernet.detection.padding import place, to_image, unmirror_boxes
from cornernet.model.network import CornerOutputs

CPU = torch.device("cpu")
BOXES = np.array([[0, 0, 90, 70], [10.3, 20.7, 33.1, 60.2], [60, 5, 61, 6], [40, 40, 90, 70]])
CATEGORIES = np.array([0, 1, 2, 3])
CROWD = [False, False, False, True]
OBJECTS = objects_of(BOXES, CATEGORIES, CROWD)


def random_network(images, categories=4):
    """Maps that have nothing to do with the image; all embeddings agree."""
    batch, _, height, width = images.shape
    size = (height + 1) // 4, (width + 1) // 4
    generator = torch.Generator().manual_seed(0)

    def normal(channels):
        return torch.randn(batch, channels, *size, generator=generator)

    embedding = torch.zeros(batch, 1, *size)
    return CornerOutputs(
        normal(categories), normal(categories), embedding, embedding, normal(2), normal(2)
    )


def candidates(mode, params):
    image = np.zeros((70, 90, 3), np.uint8)
    prepared = prepare_image(image, placements_of(70, 90, 16, params, mode), OBJECTS)
    (rows,) = find_candidates(random_network, [prepared], params, mode, CPU)
    return rows


@pytest.mark.parametrize("flip", [True, False])
def test_true_corners_and_offsets_give_the_boxes_back(flip):
    rows = candidates("gt_heatmaps_offsets", replace(CLEAN, flip=flip, mirror="pixel"))
    assert len(rows) == (6 if flip else 3)  # three objects in each of image and mirror
    for half in np.split(rows, 2 if flip else 1):
        half = half[np.argsort(half[:, 7])]
        np.testing.assert_allclose(half[:, :4], BOXES[:3], atol=1e-4)
        np.testing.assert_array_equal(half[:, 4:], [[1, 1, 1, category] for category in range(3)])


def test_predicted_offsets_stay_where_only_heatmaps_are_replaced():
    rows = candidates("gt_heatmaps", CLEAN)
    truth = np.tile(BOXES[:3], (2, 1))
    assert len(rows) <= 6
    for row in rows:
        distance = np.abs(row[:4] - truth[int(row[7])])
        assert distance.max() > 0.1  # offsets are random
        assert distance.max() < 4 * 6  # but of a few cells


def test_embeddings_stay_predicted():
    corners = [true_corners(OBJECTS, place(70, 90, 1.0, 16, False), False)]
    outputs = random_network(torch.zeros(1, 3, 79, 95))
    replaced = substitute(outputs, corners, offsets=True)
    assert replaced.tl_embedding is outputs.tl_embedding
    assert replaced.br_embedding is outputs.br_embedding
    assert torch.isinf(replaced.tl_heat).all()
    assert (replaced.tl_heat > 0).sum() == 3
    assert torch.isfinite(outputs.tl_heat).all()  # the predictions themselves are left alone


def test_corners_outside_are_moved_into_the_map():
    """A box a hair outside the image, in an image as large as its canvas."""
    objects = objects_of(np.array([[-1.0, -0.5, 127.8, 127.5]]), np.array([0]))
    for mirrored in (False, True):
        tl, br = true_corners(objects, place(127, 127, 1.0, 128, False), mirrored)
        assert tl.cell.tolist() == [[0, 0]]
        assert br.cell.tolist() == [[31, 31]]
        x = (tl.cell + tl.offset)[0, 0] * 127 / 32
        np.testing.assert_allclose(x, 126 - 127.8 if mirrored else -1.0, atol=1e-4)


SIDES = st.integers(1, 700)


@given(SIDES, SIDES, st.sampled_from([0.5, 1.0, 1.25]), st.booleans(), st.integers(0, 2**32 - 1))
def test_boxes_come_back(height, width, scale, mirrored, seed):
    """A box drawn in the canvas with training's rules leads to itself, whatever the flip."""
    placement = place(height, width, scale, 128, lose_last_row=False)
    size = np.array(placement.size[::-1]) / scale  # what is left of it when rounded to pixels
    x = np.sort(np.random.default_rng(seed).uniform(0, 1, (4, 2, 2)), axis=1) * size
    boxes = x.reshape(4, 4)
    canvas = boxes * scale + np.array(placement.start[::-1] * 2)
    if mirrored:
        canvas = flip_boxes(canvas, placement.padded[1])
    cells = (canvas * np.array(placement.ratio[::-1] * 2)).astype(np.float32)
    if mirrored:
        cells = unmirror_boxes(cells, placement, "pixel")
    np.testing.assert_allclose(to_image(cells, placement), boxes, atol=2e-3)
