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
class TrueCorners:
    """The annotated corners of one kind in a canvas."""

    category: NDArray[np.int64]  # [n]
    cell: NDArray[np.int64]  # [n, 2] x, y
    offset: NDArray[np.float32]  # [n, 2] x, y: from the cell to the exact corner, in cells


def true_corners(
    objects: Boxes, placement: Placement, mirrored: bool
) -> tuple[TrueCorners, TrueCorners]:
    """Top-left and bottom-right corners of an image's objects in its canvas, crowds left out.

    Cells, offsets and the mirror image follow the rule of the training targets (section 3.2).
    """
    real = ~objects.crowd
    start = np.array(placement.start[::-1] * 2, dtype=np.float64)
    boxes = objects.boxes[real] * placement.scale + start  # [n, 4] pixels of the canvas
    if mirrored:
        boxes = flip_boxes(boxes, placement.padded[1])
    category = objects.categories[real]
    tl_cell, tl_offset = corner_cells(boxes[:, :2], placement.padded, placement.cells)
    br_cell, br_offset = corner_cells(boxes[:, 2:], placement.padded, placement.cells)
    return TrueCorners(category, tl_cell, tl_offset), TrueCorners(category, br_cell, br_offset)


def substitute(
    outputs: CornerOutputs, corners: Sequence[tuple[TrueCorners, TrueCorners]], offsets: bool
) -> CornerOutputs:
    """`outputs` with the true corners as heatmaps and, if `offsets`, the true offsets.

    `corners` are those of each image of the batch. A corner's logit is +inf (score 1), any other
    cell's -inf (score 0: decoding passes it over). Where corners of several objects share a cell
    its offset is that of the last one.
    """
    tl, br = zip(*corners, strict=True)
    tl_heat, tl_offset = _true_maps(outputs.tl_heat, outputs.tl_offset, tl)
    br_heat, br_offset = _true_maps(outputs.br_heat, outputs.br_offset, br)
    replaced = outputs._replace(tl_heat=tl_heat, br_heat=br_heat)
    return replaced._replace(tl_offset=tl_offset, br_offset=br_offset) if offsets else replaced


def _true_maps(
    heat: Tensor, offset: Tensor, corners: Sequence[TrueCorners]
) -> tuple[Tensor, Tensor]:
    """Maps like heat [B, C, H, W] and offset [B, 2, H, W]; offsets are 0 where no corner is."""
    logits = torch.full_like(heat, -torch.inf, memory_format=torch.contiguous_format)
    offsets = np.zeros(tuple(offset.shape), dtype=np.float32)
    for image, found in enumerate(corners):
        x, y = found.cell[:, 0], found.cell[:, 1]
        logits[image, found.category, y, x] = torch.inf
        offsets[image, :, y, x] = found.offset
    return logits, torch.from_numpy(offsets).to(offset)
