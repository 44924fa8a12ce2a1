"""The targets of section 3.2: an unnormalised Gaussian around every corner, and offsets.

Heatmaps are drawn in batch on whatever device the tensors are on, from cells and radii alone, so
that the loader hands over a few numbers per object instead of two maps per category.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Cells of all windows that are drawn at once: bounds the memory at about 150 MiB.
CELLS_AT_ONCE = 4_000_000


def draw_heatmaps(
    category: Tensor,
    cell: Tensor,
    radius: Tensor,
    mask: Tensor,
    num_categories: int,
    size: tuple[int, int],
    sigma: str = "third_of_radius",
    window: str = "disc",
) -> Tensor:
    """Draw exp(-(dx^2 + dy^2) / (2 sigma^2)) around every corner; where bumps meet, the larger.

    The corner's own cell is exactly 1; a bump ends at its window and at the map's border. The
    radius is a real number: a window holds the cells whose centre lies within it, so 2.5 reaches
    two cells along the axes in either form. A radius of 0 (or any below 1) is the one cell.

    Args:
        category: index of each object's category [B, K].
        cell: (x, y) of the corner's cell [B, K, 2], inside the map where `mask` holds.
        radius: in cells, not negative [B, K].
        mask: which slots hold an object [B, K]; the others draw nothing.
        num_categories: C.
        size: (H, W) of the map in cells.
        sigma: "third_of_radius", r / 3, as the text has it; "sixth_of_diameter", (2r + 1) / 6.
        window: "disc", dx^2 + dy^2 <= r^2, "within a radius" of the text; "square", |dx| <= r and
            |dy| <= r, as in the released code. (That one also zeroes what is below the floating
            point's epsilon times the maximum; no cell of a square is, the least being e^-9.)

    Returns:
        float32 [B, C, H, W] on the tensors' device.

    Raises:
        ValueError: an unknown name of `sigma` or `window`.
    """
    if sigma not in ("third_of_radius", "sixth_of_diameter"):
        raise ValueError(f"sigma must be 'third_of_radius' or 'sixth_of_diameter', not {sigma!r}")
    if window not in ("disc", "square"):
        raise ValueError(f"window must be 'disc' or 'square', not {window!r}")
    images, slots = category.shape
    device = category.device
    image = torch.arange(images, device=device).repeat_interleave(slots)  # [N], N = B * K
    objects = _Objects(
        plane=image * num_categories + category.reshape(-1),
        cell=cell.reshape(-1, 2),
        radius=radius.reshape(-1).float(),
        mask=mask.reshape(-1),
    )
    windows = _windows(objects, size)
    heatmaps = torch.zeros(images * num_categories * size[0] * size[1], device=device)
    ends = windows.cells.cumsum(0).cpu()  # the one wait for the device
    for start, stop in _groups(ends, CELLS_AT_ONCE):
        total = int(ends[stop - 1]) - (int(ends[start - 1]) if start else 0)
        owner, column, row = _cells(windows, start, stop, total)
        x, y = objects.cell[owner].unbind(1)
        distance = ((column - x).square() + (row - y).square()).float()  # squared
        values = _bump(distance, objects.radius[owner], sigma, window)
        index = (objects.plane[owner] * size[0] + row) * size[1] + column
        heatmaps.scatter_reduce_(0, index, values, "amax")
    return heatmaps.view(images, num_categories, *size)


class _Objects(NamedTuple):
    """The object slots of all images of a batch, one after the other."""

    plane: Tensor  # [N]: which map, image by image and category by category
    cell: Tensor  # [N, 2]: x, y
    radius: Tensor  # [N]
    mask: Tensor  # [N]


class _Windows(NamedTuple):
    """The rectangle of cells that each object may change, cut at the map's border."""

    left: Tensor  # [N]
    top: Tensor  # [N]
    columns: Tensor  # [N]
    cells: Tensor  # [N]: 0 for an empty slot


def _windows(objects: _Objects, size: tuple[int, int]) -> _Windows:
    reach = objects.radius.floor().long().clamp(max=max(size))[:, None]
    last = torch.tensor([size[1] - 1, size[0] - 1], device=reach.device)
    low = (objects.cell - reach).clamp(min=0)  # [N, 2]
    columns, rows = (torch.minimum(objects.cell + reach, last) - low + 1).unbind(1)
    cells = torch.where(objects.mask, columns * rows, 0)
    return _Windows(left=low[:, 0], top=low[:, 1], columns=columns, cells=cells)


def _cells(windows: _Windows, start: int, stop: int, total: int) -> tuple[Tensor, Tensor, Tensor]:
    """All cells of the windows of objects `start` to `stop`: owner, column, row, each [total]."""
    cells = windows.cells[start:stop]
    owner = torch.arange(start, stop, device=cells.device).repeat_interleave(
        cells, output_size=total
    )
    begin = cells.cumsum(0) - cells
    within = torch.arange(total, device=cells.device) - begin[owner - start]
    columns = windows.columns[owner]
    row = within.div(columns, rounding_mode="floor")
    return owner, within - row * columns + windows.left[owner], row + windows.top[owner]


def _bump(distance: Tensor, radius: Tensor, sigma: str, window: str) -> Tensor:
    """The Gaussian at squared distances [total] from corners of the given radii [total]."""
    spread = radius / 3 if sigma == "third_of_radius" else (2 * radius + 1) / 6
    # A radius of 0 has no Gaussian, but one cell at distance 0: any positive spread gives its 1.
    values = torch.exp(-distance / (2 * spread.square()).clamp(min=1e-12))
    return torch.where(distance <= radius.square(), values, 0.0) if window == "disc" else values


def _groups(ends: Tensor, limit: int) -> list[tuple[int, int]]:
    """Split objects into runs of at most `limit` cells, or of one object.

    `ends` holds the running total of the objects' cells; runs without a cell are left out.
    """
    groups: list[tuple[int, int]] = []
    start, drawn = 0, 0
    while start < len(ends) and drawn < int(ends[-1]):
        stop = int(torch.searchsorted(ends, drawn + limit, right=True))
        stop = max(stop, start + 1)
        if int(ends[stop - 1]) > drawn:
            groups.append((start, stop))
        start, drawn = stop, int(ends[stop - 1])
    return groups


def corner_cells(
    points: NDArray[np.float64], size: tuple[int, int], output_size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The cell of each corner, and where in the cell it lies (equation 2).

    The text's downsampling factor n is the input's size over the output's, 511 / 128, not 4.

    Args:
        points: (x, y) in pixels of the network's input [n, 2].
        size: (height, width) of the input in pixels.
        output_size: (H, W) of the heatmaps in cells.

    Returns:
        Cells (x, y) clipped into the map [n, 2], and offsets in cells [n, 2], in [0, 1) for points
        of the input.
    """
    ratio = np.array([output_size[1] / size[1], output_size[0] / size[0]])
    exact = points * ratio
    last = np.array([output_size[1] - 1, output_size[0] - 1])
    cells = np.clip(np.floor(exact).astype(np.int64), 0, last)
    return cells, (exact - cells).astype(np.float32)
