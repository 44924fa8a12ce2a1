"""Crop, colours and constants against the released code, each fed the random draws of the file.

The `pad` arrays are of testing's padding: see test_padding.py.
"""

import re

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
from parity.fixtures import compared, load, used

FILE = "augment"


def cases(kind):
    keys = (re.match(rf"({kind}\d+)_", key) for key in load(FILE))
    return sorted({match[1] for match in keys if match})


def same(key, ours, expected, tolerance):
    assert ours.shape == expected.shape, key
    difference = np.abs(np.asarray(ours, np.float64) - expected).max(initial=0.0)
    compared(FILE, key, difference)
    assert difference <= tolerance, key


@pytest.mark.parametrize("case", cases("crop"))
def test_crop(case):
    arrays = load(FILE)

    def get(name):
        key = f"{case}_{name}"
        used(FILE, key)
        return arrays[key]

    image, boxes, view = get("image"), get("boxes"), tuple(int(n) for n in get("view_hw"))
    centre = (int(get("center_x")), int(get("center_y")))
    border = int(get("border"))
    for name, side in (("x", image.shape[1]), ("y", image.shape[0])):
        key = f"{case}_center_{name}_range"
        same(key, np.array(centre_range(side, border)), arrays[key], 0)

    size = crop_size(view, float(get("scale")))
    cropped = crop_image(image, size, centre, lose_odd_row=True)
    same(f"{case}_cropped_image", cropped, arrays[f"{case}_cropped_image"], 0)
    resized = resize_image(cropped, view)
    same(f"{case}_resized_image", resized, arrays[f"{case}_resized_image"], 1)

    moved = crop_boxes(boxes[:, :4], size, centre)
    key = f"{case}_cropped_boxes"
    same(key, np.column_stack([moved, boxes[:, 4]]), arrays[key], 1e-9)
    clipped, kept, _ = clip_boxes(resize_boxes(moved, size, view), view)
    for name, ours in (("clipped", clipped), ("flipped", flip_boxes(clipped, view[1]))):
        key = f"{case}_{name}_boxes"
        same(key, np.column_stack([ours, boxes[kept, 4]]), arrays[key], 1e-9)


@pytest.mark.parametrize("case", cases("full"))
def test_padding_to_a_square(case):
    arrays = load(FILE)
    image, boxes = arrays[f"{case}_image"], arrays[f"{case}_boxes"]
    used(FILE, f"{case}_image", f"{case}_boxes")
    height, width = image.shape[:2]
    size, centre = (max(height, width),) * 2, (width // 2, height // 2)
    key = f"{case}_cropped_image"
    same(key, crop_image(image, size, centre, lose_odd_row=True), arrays[key], 0)
    key = f"{case}_cropped_boxes"
    moved = crop_boxes(boxes[:, :4], size, centre)
    same(key, np.column_stack([moved, boxes[:, 4]]), arrays[key], 1e-9)


@pytest.mark.parametrize("case", cases("color"))
def test_colours(case):
    arrays = load(FILE)
    pixels = arrays[f"{case}_image"]
    steps = [
        (str(name), 1 + float(shift))
        for name, shift in zip(
            arrays[f"{case}_order"], arrays[f"{case}_alphas_in_order"], strict=True
        )
    ]
    used(FILE, *(f"{case}_{name}" for name in ("image", "order", "alphas_in_order", "pca_alpha")))
    jittered = colour.jitter(colour.identity(), steps, float((pixels @ colour.GREY_BGR).mean()))
    lighted = colour.lighting(jittered, arrays[f"{case}_pca_alpha"])
    normalized = colour.normalise(lighted)
    for name, transform in (
        ("jittered", jittered),
        ("lighted", lighted),
        ("normalized", normalized),
    ):
        key = f"{case}_{name}"
        ours = pixels @ transform[:, :3].T + transform[:, 3]
        same(key, ours, arrays[key], 1e-5)

    image = np.round(pixels * 255).astype(np.uint8)
    if np.allclose(image / 255, pixels, atol=1e-6):  # then the whole of it, from bytes
        transform = colour.jitter(colour.identity(), steps, colour.grey_mean(image))
        transform = colour.normalise(colour.lighting(transform, arrays[f"{case}_pca_alpha"]))
        ours = colour.apply_transform(image, transform).transpose(1, 2, 0)
        same(f"{case}_normalized", ours, arrays[f"{case}_normalized"], 1e-5)


def test_constants():
    arrays = load(FILE)
    for key, ours in (
        ("mean_bgr", colour.MEAN_BGR),
        ("std_bgr", colour.STD_BGR),
        ("pca_eigenvalues", colour.PCA_EIGENVALUES),
        ("pca_eigenvectors", colour.PCA_EIGENVECTORS),
    ):
        same(key, ours, arrays[key], 1e-7)
