"""Ground truth in place of predictions: the error analysis of Table 3 (section 4.4).

Heatmaps become single cells at the corners of the annotated objects, crowds left out, in the
mirrored image too. Cells without a corner are no candidates. Embeddings stay predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornernet.data.coco.split import Boxes
from cornernet.data.sampling.geometry import flip_boxes
from cornernet.data.sampling.targets import corner_cells
from cornernet.detection.padding import Placement
from cornernet.model.network import CornerOutputs


@dataclass(frozen=True)
class AnnotatedCanvas:
    """One input of the network, and the annotated objects in it."""

    objects: Boxes
    placement: Placement
    mirrored: bool


@dataclass(frozen=True)
class TrueCorners:
    """The annotated corners of one kind in a canvas."""

    category: NDArray[np.int64]  # [n]
    cell: NDArray[np.int64]  # [n, 2] x, y
    offset: NDArray[np.float32]  # [n, 2] x, y: from the cell to the exact corner, in cells


def true_corners(canvas: AnnotatedCanvas) -> tuple[TrueCorners, TrueCorners]:
    """Top-left and bottom-right corners of the canvas's objects, crowds left out.

    Cells, offsets and the mirror image follow the rule of the training targets (section 3.2).
    """
    objects, placement = canvas.objects, canvas.placement
    real = ~objects.crowd
    start = np.array(placement.start[::-1] * 2, dtype=np.float64)
    boxes = objects.boxes[real] * placement.scale + start  # [n, 4] pixels of the canvas
    if canvas.mirrored:
        boxes = flip_boxes(boxes, placement.padded[1])
    category = objects.categories[real]
    tl_cell, tl_offset = corner_cells(boxes[:, :2], placement.padded, placement.cells)
    br_cell, br_offset = corner_cells(boxes[:, 2:], placement.padded, placement.cells)
    return TrueCorners(category, tl_cell, tl_offset), TrueCorners(category, br_cell, br_offset)


def substitute(
    outputs: CornerOutputs, canvases: Sequence[AnnotatedCanvas], offsets: bool
) -> CornerOutputs:
    """`outputs` with the true corners as heatmaps and, if `offsets`, the true offsets.

    `canvases` has one entry for each image of the batch. A corner's logit is +inf (score 1), any
    other cell's -inf (score 0: decoding passes it over). Where corners of several objects share a
    cell its offset is that of the last one.
    """
    corners = [true_corners(canvas) for canvas in canvases]
    tl, br = [pair[0] for pair in corners], [pair[1] for pair in corners]
    replaced = outputs._replace(
        tl_heat=_single_cells(outputs.tl_heat, tl), br_heat=_single_cells(outputs.br_heat, br)
    )
    if not offsets:
        return replaced
    return replaced._replace(
        tl_offset=_true_offsets(outputs.tl_offset, tl),
        br_offset=_true_offsets(outputs.br_offset, br),
    )


def _single_cells(heat: Tensor, corners: Sequence[TrueCorners]) -> Tensor:
    """A heatmap like heat [B, C, H, W] with the logit of certainty at the corners."""
    logits = torch.full_like(heat, -torch.inf, memory_format=torch.contiguous_format)
    for image, found in enumerate(corners):
        x, y = torch.from_numpy(found.cell.copy()).unbind(1)
        logits[image, torch.from_numpy(found.category), y, x] = torch.inf
    return logits


def _true_offsets(offset: Tensor, corners: Sequence[TrueCorners]) -> Tensor:
    """Offsets like offset [B, 2, H, W] that are right at the corners, and 0 elsewhere."""
    maps = np.zeros(tuple(offset.shape), dtype=np.float32)
    for image, found in enumerate(corners):
        maps[image, :, found.cell[:, 1], found.cell[:, 0]] = found.offset
    return torch.from_numpy(maps).to(offset)
