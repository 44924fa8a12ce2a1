"""Padding: what is put in can be got back, from the mirrored canvas too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornernet.data.sampling.geometry import flip_boxes
from cornernet.detection.padding import pad_image, place, to_image, unmirror_boxes

SIDES = st.integers(1, 700)


@pytest.mark.parametrize("size", [(127, 127), (30, 127), (31, 45), (128, 1)])
def test_pixels_are_copied_and_the_rest_is_black(size):
    image = np.random.default_rng(0).integers(1, 256, (*size, 3), dtype=np.uint8)
    placement = place(*size, 1.0, 128, lose_last_row=False)
    canvas = pad_image(image, placement)
    inside = canvas[placement.start[0] : placement.end[0], placement.start[1] : placement.end[1]]
    np.testing.assert_array_equal(inside, image)
    assert canvas.shape == (*placement.padded, 3)
    assert (canvas > 0).sum() == image.size


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


def test_the_continuous_mirror_is_a_pixel_to_the_right():
    placement = place(100, 200, 1.0, 128, lose_last_row=False)
    cells = np.array([[20, 14, 40, 20]], dtype=np.float32)
    pixel = to_image(unmirror_boxes(cells, placement, "pixel"), placement)
    continuous = to_image(unmirror_boxes(cells, placement, "continuous"), placement)
    np.testing.assert_allclose(continuous - pixel, [[1, 0, 1, 0]], atol=1e-4)
    assert cells.tolist() == [[20, 14, 40, 20]]
