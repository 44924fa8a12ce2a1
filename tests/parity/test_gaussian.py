"""Radii and bumps against the released code's (section 3.2)."""

import re

import numpy as np
import torch

from cornernet.data.sampling.radii import corner_radius
from cornernet.data.sampling.targets import draw_heatmaps
from parity.fixtures import compared, load, relative_difference, used

FILE = "gaussian"


def numbers(arrays, pattern):
    """The part of each key that `pattern` leaves open."""
    return [match[1] for key in arrays if (match := re.fullmatch(pattern, key))]


def drawn(centres, radii, size):
    """Bumps of one category as the released code draws them.  [H, W]"""
    heatmaps = draw_heatmaps(
        torch.zeros(1, len(radii), dtype=torch.int64),
        torch.as_tensor(centres, dtype=torch.int64)[None],
        torch.as_tensor(radii, dtype=torch.float32)[None],
        torch.ones(1, len(radii), dtype=torch.bool),
        1,
        size,
        "sixth_of_diameter",
        "square",
    )
    return heatmaps[0, 0].numpy()


def test_radii():
    arrays = load(FILE)
    height, width = arrays["box_hw"].T
    used(FILE, "box_hw")
    overlaps = numbers(arrays, r"radius_iou(.+)")
    assert overlaps
    for text in overlaps:
        exact = corner_radius(height, width, float(text), "exact")
        pre_fix = corner_radius(height, width, float(text), "pre_fix")
        for key, ours in ((f"radius_iou{text}", exact), (f"radius_prefix_iou{text}", pre_fix)):
            compared(FILE, key, relative_difference(ours, arrays[key]))
            np.testing.assert_allclose(ours, arrays[key], rtol=1e-12, atol=1e-12, err_msg=key)
        key = f"int_radius_iou{text}"
        whole = np.maximum(np.floor(exact), 0).astype(np.int64)
        compared(FILE, key, np.abs(whole - arrays[key]).max())
        np.testing.assert_array_equal(whole, arrays[key], err_msg=key)


def test_maps_of_several_bumps():
    arrays = load(FILE)
    cases = numbers(arrays, r"draw(\d+)_xyr")
    assert cases
    for case in cases:
        objects, expected = arrays[f"draw{case}_xyr"], arrays[f"draw{case}_heatmap"]
        used(FILE, f"draw{case}_xyr")
        ours = drawn(objects[:, :2], objects[:, 2], expected.shape)
        compared(FILE, f"draw{case}_heatmap", np.abs(ours - expected).max())
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(ours == 1, expected == 1)
        np.testing.assert_array_equal(ours == 0, expected == 0)


def test_single_bumps():
    arrays = load(FILE)
    radii = numbers(arrays, r"gaussian2d_radius(\d+)")
    assert radii
    for text in radii:
        expected, radius = arrays[f"gaussian2d_radius{text}"], int(text)
        ours = drawn([[radius, radius]], [radius], expected.shape)
        compared(FILE, f"gaussian2d_radius{text}", np.abs(ours - expected).max())
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
        assert expected.min() > 1e-4  # so zeroing below the floating point's epsilon does nothing
