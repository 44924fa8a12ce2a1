"""Radii and bumps against the released code's (section 3.2)."""

import numpy as np
import torch

from cornernet.data.sampling.radii import corner_radius
from cornernet.data.sampling.targets import draw_heatmaps
from parity.fixtures import Fixture

ARRAYS = Fixture("gaussian")


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
    height, width = ARRAYS["box_hw"].T
    overlaps = ARRAYS.names(r"radius_iou(.+)")
    assert overlaps
    for text in overlaps:
        exact = corner_radius(height, width, float(text), "exact")
        pre_fix = corner_radius(height, width, float(text), "pre_fix")
        ARRAYS.check(f"radius_iou{text}", exact, 1e-12, 1e-12)
        ARRAYS.check(f"radius_prefix_iou{text}", pre_fix, 1e-12, 1e-12)
        ARRAYS.check(f"int_radius_iou{text}", np.maximum(np.floor(exact), 0))


def test_maps_of_several_bumps():
    cases = ARRAYS.names(r"draw(\d+)_xyr")
    assert cases
    for case in cases:
        objects, expected = ARRAYS[f"draw{case}_xyr"], ARRAYS[f"draw{case}_heatmap"]
        ours = drawn(objects[:, :2], objects[:, 2], expected.shape)
        ARRAYS.check(f"draw{case}_heatmap", ours, 1e-6)
        np.testing.assert_array_equal(ours == 1, expected == 1)
        np.testing.assert_array_equal(ours == 0, expected == 0)


def test_single_bumps():
    radii = ARRAYS.names(r"gaussian2d_radius(\d+)")
    assert radii
    for text in radii:
        expected, radius = ARRAYS[f"gaussian2d_radius{text}"], int(text)
        ARRAYS.check(
            f"gaussian2d_radius{text}", drawn([[radius, radius]], [radius], expected.shape), 1e-6
        )
        assert expected.min() > 1e-4  # so zeroing below the floating point's epsilon does nothing
