"""Heatmaps, offsets and cells against the released sampler with augmentation off."""

import re

import numpy as np
import pytest

from cornernet.config.schema import Targets
from cornernet.data.sampling.augment import ViewBoxes
from cornernet.data.sampling.geometry import clip_boxes, crop_boxes, resize_boxes
from cornernet.data.sampling.samples import chunk_of, encode
from cornernet.data.sampling.targets import draw_heatmaps
from parity.fixtures import Fixture

ARRAYS = Fixture("targets")
NAMES = ARRAYS.names(r"(.+)_tl_heat")
OFFSETS = ARRAYS.names(r"(.+)_mask")  # variants with cells and offsets too


def targets_of(name):
    """What a variant's name stands for."""
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
    if name == "nobump":
        switches["penalty_reduction"] = "none"
    elif match := re.fullmatch(r"fixed(\d+)", name):
        switches |= {"penalty_reduction": "fixed", "fixed_radius": float(match[1])}
    elif match := re.fullmatch(r"(prefix_)?iou(.+)", name):
        roots = "pre_fix" if match[1] else "exact"
        switches |= {"min_iou": float(match[2]), "radius_roots": roots}
    else:
        assert name == "small"
    return Targets(**switches)


def chunk(targets, view):
    """All images of the file as one chunk: padded to a square, resized to `view`, clipped."""
    samples, start = [], 0
    for (height, width), count in zip(ARRAYS["image_hw"], ARRAYS["num_boxes"], strict=True):
        rows = ARRAYS["boxes"][start : start + count]
        start += count
        square = (int(max(height, width)),) * 2
        boxes = crop_boxes(rows[:, :4], square, (int(width) // 2, int(height) // 2))
        boxes, kept, clipped = clip_boxes(resize_boxes(boxes, square, view), view)
        image = np.zeros((3, *view), np.float32)
        placed = ViewBoxes(boxes, kept, clipped, scale=float("nan"))
        category = rows[kept, 4].astype(np.int64) - 1
        samples.append(encode(image, placed, category, None, targets))
    return chunk_of(samples)


@pytest.mark.parametrize("name", NAMES)
def test_heatmaps_cells_and_offsets(name):
    targets = targets_of(name)
    height, width = ARRAYS[f"{name}_tl_heat"].shape[2:]
    view = (4 * height - 1, 4 * width - 1)
    if name != "small":
        ARRAYS.check("input_size", view)
        ARRAYS.check("output_size", (height, width))
    made = chunk(targets, view)
    for corner, cell in (("tl", made.tl_cell), ("br", made.br_cell)):
        ours = draw_heatmaps(
            made.category,
            cell,
            made.radius,
            made.mask,
            int(ARRAYS["categories"]),
            (height, width),
            targets.sigma,
            targets.window,
        ).numpy()
        expected = ARRAYS[f"{name}_{corner}_heat"]
        ARRAYS.check(f"{name}_{corner}_heat", ours, 1e-6)
        np.testing.assert_array_equal(ours == 1, expected == 1)
        np.testing.assert_array_equal(ours == 0, expected == 0)
    slots = {
        "mask": made.mask,
        "tl_ind": made.tl_cell[..., 1] * width + made.tl_cell[..., 0],
        "br_ind": made.br_cell[..., 1] * width + made.br_cell[..., 0],
        "tl_regr": made.tl_offset,
        "br_regr": made.br_offset,
    }
    for part, ours in slots.items() if name in OFFSETS else ():
        padded = np.zeros_like(ARRAYS[f"{name}_{part}"], dtype=np.float64)
        padded[:, : ours.shape[1]] = ours.numpy()
        ARRAYS.check(f"{name}_{part}", padded, 1e-6 if "regr" in part else 0)
