"""The corners that a network finds in the images of a split, not paired to boxes.

The journal version's corner mAP by quadrant is measured on them. Each image is tested at one scale
and without its mirror image: a mirrored top-left corner is a top-right one, which the network does
not look for.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornernet.config.schema import Detection, Model
from cornernet.data.coco.split import CocoSplit
from cornernet.detection.decode import top_corners
from cornernet.detection.network import Network, run_network
from cornernet.detection.padding import Placement, to_image
from cornernet.detection.reading import prepared_batches


@dataclass(frozen=True)
class ImageCorners:
    """The corners of one kind found in one image, the best first."""

    points: NDArray[np.float32]  # [n, 2] x, y in pixels of the image
    scores: NDArray[np.float32]  # [n] in (0, 1]
    categories: NDArray[np.int64]  # [n] index among the categories, 0 to C - 1


def find_corners(
    network: Network,
    model_params: Model,
    split: CocoSplit,
    params: Detection,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> dict[int, tuple[ImageCorners, ImageCorners]]:
    """By image id: the top-left and the bottom-right corners, at most `params.top_corners` of each.

    Corners are the peaks that testing pairs to boxes (section 4.2), moved by their offsets. Images
    are put into batches as in `predict_split`. Raises BadInput for images that cannot be read, or
    when the device's memory does not suffice.
    """
    params = replace(params, flip=False)
    found: dict[int, tuple[ImageCorners, ImageCorners]] = {}
    batches = prepared_batches(split, model_params.size_multiple, params, "single_scale", device)
    with closing(batches):
        for ids, images in batches:
            outputs = run_network(network, [image.canvases[0] for image in images], params, device)
            placements = [image.placements[0] for image in images]
            tl = _corners(outputs.tl_heat, outputs.tl_offset, placements, params)
            br = _corners(outputs.br_heat, outputs.br_offset, placements, params)
            found.update(zip(ids, zip(tl, br, strict=True), strict=True))
            progress(len(found), len(split.images))
    return found


def _corners(
    heat: Tensor, offset: Tensor, placements: Sequence[Placement], params: Detection
) -> list[ImageCorners]:
    """The corners of each image from heat [B, C, H, W] (logits) and offset [B, 2, H, W]."""
    corners = top_corners(heat, params.top_corners, params.peak_kernel)
    columns = (corners.points(offset), corners.score, corners.category)
    found = []
    for *one, placement in zip(*(each.cpu().numpy() for each in columns), placements, strict=True):
        points, scores, categories = (each[one[1] > 0] for each in one)
        points = to_image(np.tile(points, 2), placement)[:, :2]
        found.append(ImageCorners(points, scores, categories))
    return found
