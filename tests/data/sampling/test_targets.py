"""Heatmaps drawn in batch equal those drawn one cell at a time; cells and offsets of corners."""

import math

import numpy as np
import pytest
import torch

from cornernet.data.sampling import targets
from cornernet.data.sampling.targets import corner_cells, draw_heatmaps

WINDOWS = ["disc", "square"]
SIGMAS = ["third_of_radius", "sixth_of_diameter"]


def scene(images, slots, categories, size, largest, seed=0):
    """Random objects: some masked, some on the border, some of radius 0 or a whole number."""
    rng = np.random.default_rng(seed)
    cell = np.stack(
        [rng.integers(0, size[1], (images, slots)), rng.integers(0, size[0], (images, slots))], -1
    )
    cell[:, 0] = 0
    radius = rng.uniform(0, largest, (images, slots))
    radius[:, 1] = 0
    radius[:, 2:4] = np.round(radius[:, 2:4])
    return (
        torch.from_numpy(rng.integers(0, categories, (images, slots))),
        torch.from_numpy(cell),
        torch.from_numpy(radius.astype(np.float32)),
        torch.from_numpy(rng.random((images, slots)) < 0.8),
    )


def slow(category, cell, radius, mask, categories, size, sigma, window):
    """Equation by equation, for every cell of every object."""
    maps = np.zeros((len(category), categories, *size))
    for image, slot in zip(*np.nonzero(mask.numpy()), strict=True):
        r, (x0, y0) = float(radius[image, slot]), cell[image, slot].tolist()
        spread = max(r / 3 if sigma == "third_of_radius" else (2 * r + 1) / 6, 1e-9)
        plane = maps[image, int(category[image, slot])]
        for y, x in np.ndindex(size):
            dx, dy = abs(x - x0), abs(y - y0)
            if dx * dx + dy * dy <= r * r if window == "disc" else max(dx, dy) <= r:
                bump = math.exp(-(dx * dx + dy * dy) / (2 * spread**2))
                plane[y, x] = max(plane[y, x], bump)
    return maps


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize(("size", "largest"), [((11, 17), 5), ((6, 4), 30)])
def test_equals_the_slow_form(size, largest, sigma, window):
    inputs = scene(3, 7, 4, size, largest)
    ours = draw_heatmaps(*inputs, 4, size, sigma, window)
    assert ours.dtype == torch.float32
    expected = slow(*inputs, 4, size, sigma, window)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=2e-7)
    np.testing.assert_array_equal(ours.numpy() > 0, expected > 0)
    np.testing.assert_array_equal(ours.numpy() == 1, expected == 1)


@pytest.mark.parametrize("window", WINDOWS)
def test_in_parts_as_in_one(monkeypatch, window):
    inputs = scene(4, 9, 3, (20, 20), 9, seed=3)
    whole = draw_heatmaps(*inputs, 3, (20, 20), "third_of_radius", window)
    for limit in (1, 100, 1000):
        monkeypatch.setattr(targets, "CELLS_AT_ONCE", limit)
        parts = draw_heatmaps(*inputs, 3, (20, 20), "third_of_radius", window)
        assert torch.equal(parts, whole)


def test_nothing_to_draw():
    inputs = scene(2, 5, 3, (8, 8), 3)
    nothing = (*inputs[:3], torch.zeros_like(inputs[3]))
    assert draw_heatmaps(*nothing, 3, (8, 8)).sum() == 0
    empty = [tensor[:, :0] for tensor in inputs]
    assert draw_heatmaps(*empty, 3, (8, 8)).shape == (2, 3, 8, 8)
    assert torch.equal(inputs[1], scene(2, 5, 3, (8, 8), 3)[1])  # inputs are left alone


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("window", WINDOWS)
def test_same_on_a_gpu(window):
    inputs = scene(5, 20, 8, (128, 128), 30)
    here = draw_heatmaps(*inputs, 8, (128, 128), "third_of_radius", window)
    moved = [tensor.cuda() for tensor in inputs]
    there = draw_heatmaps(*moved, 8, (128, 128), "third_of_radius", window)
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-6)
    assert torch.equal(there.cpu() == 1, here == 1)
    again = draw_heatmaps(*moved, 8, (128, 128), "third_of_radius", window)
    assert torch.equal(there, again)


def test_equation_2():
    """o = (x / n - floor(x / n), y / n - floor(y / n)), corner by corner, in maps of two shapes."""
    random = np.random.default_rng(4)
    for size, output in (((511, 511), (128, 128)), ((255, 383), (64, 96))):
        points = random.uniform(0, (size[1] - 1, size[0] - 1), (200, 2))
        cells, offsets = corner_cells(points, size, output)
        for (x, y), cell, offset in zip(points.tolist(), cells, offsets, strict=True):
            across, down = size[1] / output[1], size[0] / output[0]  # n
            assert cell.tolist() == [math.floor(x / across), math.floor(y / down)]
            expected = [x / across - math.floor(x / across), y / down - math.floor(y / down)]
            assert offset.tolist() == pytest.approx(expected, abs=1e-5)
    assert (cells.dtype, offsets.dtype) == (np.int64, np.float32)
    # Beyond the border of the image, the cells are the last of the map.
    cells, _ = corner_cells(np.array([[382.0, 254.0], [500.0, -3.0]]), (255, 383), (64, 96))
    np.testing.assert_array_equal(cells, [[95, 63], [95, 0]])
