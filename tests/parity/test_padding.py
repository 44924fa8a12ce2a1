"""Where a test image lies in its zero padding, against the released code."""

import re

import numpy as np
import pytest

from cornernet.detection.padding import pad_image, place
from parity.fixtures import compared, load, used

FILE = "augment"
CASES = sorted({match[0] for match in (re.match(r"pad\d+", key) for key in load(FILE)) if match})


@pytest.mark.parametrize("case", CASES)
def test_padding(case):
    arrays = load(FILE)
    used(FILE, f"{case}_image_hw")
    height, width = arrays[f"{case}_image_hw"].tolist()

    placement = place(height, width, 1.0, 128, lose_last_row=True)
    canvas = pad_image(np.full((height, width, 3), 255, np.uint8), placement)

    filled = (canvas > 0).all(axis=2)
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    results = {
        "input_hw": canvas.shape[:2],
        "border_top_bottom_left_right": (
            placement.start[0],
            placement.end[0],
            placement.start[1],
            placement.end[1],
        ),
        "nonzero_rows": (rows[0], rows[-1]),
        "nonzero_cols": (columns[0], columns[-1]),
    }
    for name, value in results.items():
        reference = arrays[f"{case}_{name}"]
        np.testing.assert_array_equal(value, reference)
        compared(FILE, f"{case}_{name}", np.abs(np.array(value) - reference).max())
