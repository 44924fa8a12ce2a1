"""From images to detections: flip and multi-scale testing, soft-NMS, the best hundred (4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornernet.config.schema import Detection, Mode
from cornernet.data.coco.split import Boxes
from cornernet.data.sampling.geometry import flip_boxes
from cornernet.data.sampling.targets import corner_cells
from cornernet.detection.decode import CornerPairs, decode
from cornernet.detection.network import Network, run_network
from cornernet.detection.padding import Placement, pad_image, place, to_image, unmirror_boxes
from cornernet.detection.soft_nms import soft_nms, soft_nms_merge
from cornernet.errors import BadInput
from cornernet.model.network import CornerOutputs

# Rows of candidates: x1, y1, x2, y2, score, tl_score, br_score, category; in pixels of the image
Candidates = NDArray[np.float32]  # [n, 8]
CATEGORY = 7
GROUND_TRUTH_MODES: tuple[Mode, ...] = ("gt_heatmaps", "gt_heatmaps_offsets")


@dataclass(frozen=True)
class Detections:
    """What was found in one image, in pixels of that image."""

    boxes: NDArray[np.float32]  # [n, 4] x1, y1, x2, y2
    scores: NDArray[np.float32]  # [n] in [0, 1]
    categories: NDArray[np.int64]  # [n] index among the categories, 0 to C - 1


@dataclass(frozen=True)
class PreparedImage:
    """An image ready for the network at each scale, and its objects if they are known."""

    placements: tuple[Placement, ...]
    canvases: tuple[NDArray[np.uint8], ...]  # [h, w, 3] BGR
    objects: Boxes | None


@dataclass(frozen=True)
class TrueCorners:
    """The annotated corners of one kind in a canvas."""

    category: NDArray[np.int64]  # [n]
    cell: NDArray[np.int64]  # [n, 2] x, y
    offset: NDArray[np.float32]  # [n, 2] x, y: from the cell to the exact corner, in cells


def placements_of(
    height: int, width: int, size_multiple: int, params: Detection, mode: Mode
) -> tuple[Placement, ...]:
    """Where an image of height x width pixels lies in its canvas, for each scale of `mode`."""
    lose, scales = params.lose_last_row, params.scales_of(mode)
    return tuple(place(height, width, scale, size_multiple, lose) for scale in scales)


def prepare_image(
    image: NDArray[np.uint8], placements: tuple[Placement, ...], objects: Boxes | None = None
) -> PreparedImage:
    """Resize and pad an image [H, W, 3] for each placement."""
    canvases = tuple(pad_image(image, placement) for placement in placements)
    return PreparedImage(placements, canvases, objects)


def find_candidates(
    network: Network,
    images: Sequence[PreparedImage],
    params: Detection,
    mode: Mode,
    device: torch.device,
) -> list[Candidates]:
    """All pairs of corners found in each image: per scale, those of the image, then of its mirror.

    The images' canvases must be of the same size at each scale. Raises BadInput when the device's
    memory does not suffice, a prediction is not finite, or `mode` needs objects that are not known.
    """
    found: list[list[Candidates]] = [[] for _ in images]
    for scale in range(len(images[0].placements)):
        canvases = [image.canvases[scale] for image in images]
        outputs = run_network(network, canvases, params, device)
        if mode in GROUND_TRUTH_MODES:
            outputs = _with_ground_truth(outputs, images, scale, params.flip, mode)
        for number, rows in enumerate(_rows(decode(outputs, params))):
            at, boxes = number % len(images), rows[:, :4]
            placement = images[at].placements[scale]
            if number >= len(images):
                boxes = unmirror_boxes(boxes, placement, params.mirror)
            rows[:, :4] = to_image(boxes, placement)
            found[at].append(rows)
    return [np.concatenate(rows) for rows in found]


def choose_detections(candidates: Candidates, params: Detection, mode: Mode) -> Detections:
    """Soft-NMS within each category, then the `max_detections` best of all categories.

    Rows come by category, and in the order of soft-NMS within one. Testing at several scales
    merges boxes. With `keep_ties` all that score the same as the last one chosen are kept, so there
    may be more than `max_detections`.
    """
    survivors = [candidates[:0]]
    for category in np.unique(candidates[:, CATEGORY]):
        rows = candidates[candidates[:, CATEGORY] == category]
        if mode == "multi_scale":
            rows = soft_nms_merge(
                rows, params.soft_nms, params.merge_exponent, params.mismatched_merge
            )
        else:
            rows = soft_nms(rows, params.soft_nms)
        survivors.append(rows)
    rows = np.concatenate(survivors)
    rows = rows[_best(rows[:, 4], params.max_detections, params.keep_ties)]
    return Detections(rows[:, :4], rows[:, 4], rows[:, CATEGORY].astype(np.int64))


def _best(scores: NDArray[np.float32], count: int, keep_ties: bool) -> NDArray[np.int64]:
    """Positions, ascending, of the `count` largest scores; of equal ones the first."""
    if len(scores) <= count:
        return np.arange(len(scores))
    order = np.argsort(-scores, kind="stable")
    if keep_ties:
        return np.flatnonzero(scores >= scores[order[count - 1]])
    return np.sort(order[:count])


def _with_ground_truth(
    outputs: CornerOutputs, images: Sequence[PreparedImage], scale: int, flip: bool, mode: Mode
) -> CornerOutputs:
    """Ground truth in place of predictions: the error analysis of Table 3 (section 4.4)."""
    corners = []
    for mirrored in (False, True) if flip else (False,):
        for image in images:
            if image.objects is None:
                raise BadInput(f"mode {mode} needs annotations; use single_scale or multi_scale")
            corners.append(true_corners(image.objects, image.placements[scale], mirrored))
    return substitute(outputs, corners, offsets=mode == "gt_heatmaps_offsets")


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


def _rows(pairs: CornerPairs) -> list[Candidates]:
    """The valid pairs of each image of the batch as rows of candidates, still in cells."""
    columns = (pairs.score, pairs.tl_score, pairs.br_score, pairs.category.float())
    rows = torch.cat([pairs.boxes, torch.stack(columns, dim=2)], dim=2).cpu().numpy()
    return [image[image[:, 4] > -1] for image in rows]
