"""Heatmaps, offsets and cells against the released sampler with augmentation off."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from cornernet.config.schema import Targets
from cornernet.data.sampling.augment import ViewBoxes
from cornernet.data.sampling.chunks import chunk_of
from cornernet.data.sampling.geometry import clip_boxes, crop_boxes, resize_boxes
from cornernet.data.sampling.samples import encode
from cornernet.data.sampling.targets import draw_heatmaps
from parity.fixtures import compared, load, used

FILE = "targets"


@dataclass(frozen=True)
class Variant:
    """One set of switches of the released sampler."""

    targets: Targets
    input_size: tuple[int, int]


def as_released(**changes):
    switches = {
        "penalty_reduction": "object",
        "min_iou": 0.3,
        "fixed_radius": 2.5,
        "radius_roots": "exact",
        "integer_radius": True,
        "sigma": "sixth_of_diameter",
        "window": "square",
        "max_objects": 128,
    }
    return Targets(**(switches | changes))


def variant(name, arrays):
    """What a variant's name stands for; the input's size is 4 x output - 1."""
    height, width = arrays[f"{name}_tl_heat"].shape[2:]
    if name == "nobump":
        targets = as_released(penalty_reduction="none")
    elif match := re.fullmatch(r"fixed(\d+)", name):
        targets = as_released(penalty_reduction="fixed", fixed_radius=float(match[1]))
    elif match := re.fullmatch(r"(prefix_)?iou(.+)", name):
        roots = "pre_fix" if match[1] else "exact"
        targets = as_released(min_iou=float(match[2]), radius_roots=roots)
    elif name == "small":
        targets = as_released()
    else:
        raise AssertionError(f"unknown variant {name}")
    return Variant(targets, (4 * height - 1, 4 * width - 1))


def chunk(arrays, wanted):
    """All images of the file as one chunk: padded to a square, resized, clipped."""
    samples, start = [], 0
    for (height, width), count in zip(arrays["image_hw"], arrays["num_boxes"], strict=True):
        rows = arrays["boxes"][start : start + count]
        start += count
        side = int(max(height, width))
        square = (side, side)
        boxes = crop_boxes(rows[:, :4], square, (int(width) // 2, int(height) // 2))
        boxes, kept, clipped = clip_boxes(
            resize_boxes(boxes, square, wanted.input_size), wanted.input_size
        )
        image = np.zeros((3, *wanted.input_size), np.float32)
        placed = ViewBoxes(boxes, kept, clipped, scale=float("nan"))
        category = rows[kept, 4].astype(np.int64) - 1
        samples.append(encode(image, placed, category, None, wanted.targets))
    return chunk_of(samples)


def names():
    return [key.removesuffix("_tl_heat") for key in load(FILE) if key.endswith("_tl_heat")]


@pytest.mark.parametrize("name", names())
def test_heatmaps(name):
    arrays = load(FILE)
    used(FILE, "image_hw", "num_boxes", "boxes", "categories")
    wanted = variant(name, arrays)
    made = chunk(arrays, wanted)
    if name != "small":
        assert wanted.input_size == tuple(arrays["input_size"])
        assert arrays[f"{name}_tl_heat"].shape[2:] == tuple(arrays["output_size"])
        used(FILE, "input_size", "output_size")
    for corner, cell in (("tl", made.tl_cell), ("br", made.br_cell)):
        expected = arrays[f"{name}_{corner}_heat"]
        ours = draw_heatmaps(
            made.category,
            cell,
            made.radius,
            made.mask,
            int(arrays["categories"]),
            expected.shape[2:],
            wanted.targets.sigma,
            wanted.targets.window,
        ).numpy()
        compared(FILE, f"{name}_{corner}_heat", np.abs(ours - expected).max())
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(ours == 1, expected == 1)
        np.testing.assert_array_equal(ours == 0, expected == 0)


@pytest.mark.parametrize("name", [name for name in names() if f"{name}_mask" in load(FILE)])
def test_cells_and_offsets(name):
    arrays = load(FILE)
    made = chunk(arrays, variant(name, arrays))
    slots, width = made.mask.shape[1], arrays[f"{name}_tl_heat"].shape[3]

    def same(key, ours, tolerance):
        expected = arrays[key].astype(np.float64)
        padded = np.zeros_like(expected)
        padded[:, :slots] = ours.numpy()
        compared(FILE, key, np.abs(padded - expected).max())
        np.testing.assert_allclose(padded, expected, rtol=0, atol=tolerance, err_msg=key)

    same(f"{name}_mask", made.mask, 0)
    same(f"{name}_tl_ind", made.tl_cell[..., 1] * width + made.tl_cell[..., 0], 0)
    same(f"{name}_br_ind", made.br_cell[..., 1] * width + made.br_cell[..., 0], 0)
    same(f"{name}_tl_regr", made.tl_offset, 1e-6)
    same(f"{name}_br_regr", made.br_offset, 1e-6)
