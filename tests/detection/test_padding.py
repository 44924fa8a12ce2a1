"""Padding: what is put in can be got back, from the mirrored canvas too."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cornernet.data.sampling.geometry import flip_boxes
from cornernet.detection.padding import place, to_image, unmirror_boxes

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
