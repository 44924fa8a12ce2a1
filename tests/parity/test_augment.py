"""Crop, colours, constants and testing's padding against the released code.

Each is fed the random draws of the file.
"""

import numpy as np
import pytest

from cornernet.data.sampling import colour
from cornernet.data.sampling.geometry import (
    centre_range,
    clip_boxes,
    crop_boxes,
    crop_image,
    crop_size,
    flip_boxes,
    resize_boxes,
    resize_image,
)
from cornernet.detection.padding import pad_image, place
from parity.fixtures import Fixture

ARRAYS = Fixture("augment")


@pytest.mark.parametrize("case", ARRAYS.names(r"(crop\d+)_.*"))
def test_crop(case):
    image, boxes = ARRAYS[f"{case}_image"], ARRAYS[f"{case}_boxes"]
    view = tuple(int(side) for side in ARRAYS[f"{case}_view_hw"])
    centre = int(ARRAYS[f"{case}_center_x"]), int(ARRAYS[f"{case}_center_y"])
    for name, side in (("x", image.shape[1]), ("y", image.shape[0])):
        found = centre_range(side, int(ARRAYS[f"{case}_border"]))
        ARRAYS.check(f"{case}_center_{name}_range", found)

    size = crop_size(view, float(ARRAYS[f"{case}_scale"]))
    cropped = crop_image(image, size, centre, lose_odd_row=True)
    ARRAYS.check(f"{case}_cropped_image", cropped)
    ARRAYS.check(f"{case}_resized_image", resize_image(cropped, view), 1)

    moved = crop_boxes(boxes[:, :4], size, centre)
    clipped, kept, _ = clip_boxes(resize_boxes(moved, size, view), view)
    flipped = flip_boxes(clipped, view[1])
    for name, ours, rows in (
        ("cropped", moved, slice(None)),
        ("clipped", clipped, kept),
        ("flipped", flipped, kept),
    ):
        ARRAYS.check(f"{case}_{name}_boxes", np.column_stack([ours, boxes[rows, 4]]), 1e-9)


@pytest.mark.parametrize("case", ARRAYS.names(r"(full\d+)_.*"))
def test_padding_to_a_square(case):
    image, boxes = ARRAYS[f"{case}_image"], ARRAYS[f"{case}_boxes"]
    height, width = image.shape[:2]
    size, centre = (max(height, width),) * 2, (width // 2, height // 2)
    cropped = crop_image(image, size, centre, lose_odd_row=True)
    ARRAYS.check(f"{case}_cropped_image", cropped)
    moved = crop_boxes(boxes[:, :4], size, centre)
    ARRAYS.check(f"{case}_cropped_boxes", np.column_stack([moved, boxes[:, 4]]), 1e-9)


@pytest.mark.parametrize("case", ARRAYS.names(r"(color\d+)_.*"))
def test_colours(case):
    pixels, alpha = ARRAYS[f"{case}_image"], ARRAYS[f"{case}_pca_alpha"]
    order, shifts = ARRAYS[f"{case}_order"], ARRAYS[f"{case}_alphas_in_order"]
    steps = [(str(name), 1 + float(shift)) for name, shift in zip(order, shifts, strict=True)]
    jittered = colour.jitter(np.eye(3, 4), steps, float((pixels @ colour.GREY_BGR).mean()))
    lighted = colour.lighting(jittered, alpha)
    normalized = colour.normalise(lighted)
    for name, transform in (
        ("jittered", jittered),
        ("lighted", lighted),
        ("normalized", normalized),
    ):
        ARRAYS.check(f"{case}_{name}", pixels @ transform[:, :3].T + transform[:, 3], 1e-5)

    image = np.round(pixels * 255).astype(np.uint8)
    if np.allclose(image / 255, pixels, atol=1e-6):  # then the whole of it, from bytes
        transform = colour.jitter(np.eye(3, 4), steps, colour.grey_mean(image))
        transform = colour.normalise(colour.lighting(transform, alpha))
        ours = colour.apply_transform(image, transform).transpose(1, 2, 0)
        ARRAYS.check(f"{case}_normalized", ours, 1e-5)


def test_constants():
    for name in ("mean_bgr", "std_bgr", "pca_eigenvalues", "pca_eigenvectors"):
        ARRAYS.check(name, getattr(colour, name.upper()), 1e-7)


@pytest.mark.parametrize("case", ARRAYS.names(r"(pad\d+)_.*"))
def test_padding_of_test_images(case):
    height, width = ARRAYS[f"{case}_image_hw"].tolist()
    placement = place(height, width, 1.0, 128, lose_last_row=True)
    canvas = pad_image(np.full((height, width, 3), 255, np.uint8), placement)
    filled = (canvas > 0).all(axis=2)
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    (top, left), (bottom, right) = placement.start, placement.end
    ARRAYS.check(f"{case}_input_hw", canvas.shape[:2])
    ARRAYS.check(f"{case}_border_top_bottom_left_right", (top, bottom, left, right))
    ARRAYS.check(f"{case}_nonzero_rows", (rows[0], rows[-1]))
    ARRAYS.check(f"{case}_nonzero_cols", (columns[0], columns[-1]))
