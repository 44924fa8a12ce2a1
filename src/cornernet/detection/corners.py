"""The corners that a network finds in the images of a split, not paired to boxes.

The journal version's corner mAP by quadrant is measured on them. Each image is tested at one scale
and without its mirror image: a mirrored top-left corner is a top-right one, which the network does
not look for.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cornernet.config.schema import Detection, Model
from cornernet.data.coco.split import CocoSplit
from cornernet.detection.decode import top_corners
from cornernet.detection.network import Network, run_network
from cornernet.detection.padding import Placement, to_image
from cornernet.detection.predict import prepared_batches

# One row per corner; x, y in pixels of the image, category an index among the split's.
COLUMNS = {
    "corner": "str", "image_id": "int64", "category": "int64",
    "x": "float32", "y": "float32", "score": "float32",
}  # fmt: skip


def find_corners(
    network: Network,
    model_params: Model,
    split: CocoSplit,
    params: Detection,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """A table with `COLUMNS`: by image id, first the top-left, then the bottom-right corners.

    At most `params.top_corners` of each kind per image, the best first. Corners are the peaks that
    testing pairs to boxes (section 4.2), moved by their offsets. Images are put into batches as in
    `predict_split`. Raises BadInput for images that cannot be read, or when the device's memory
    does not suffice.
    """
    params, done, frames = replace(params, flip=False), 0, []
    batches = prepared_batches(split, model_params.size_multiple, params, "single_scale", device)
    with closing(batches):
        for ids, images in batches:
            outputs = run_network(network, [image.canvases[0] for image in images], params, device)
            where = [(at, image.placements[0]) for at, image in zip(ids, images, strict=True)]
            frames += _corners("top_left", outputs.tl_heat, outputs.tl_offset, where, params)
            frames += _corners("bottom_right", outputs.br_heat, outputs.br_offset, where, params)
            done += len(ids)
            progress(done, len(split.images))
    table = pd.concat(frames).astype(COLUMNS)
    return table.sort_values("image_id", kind="stable", ignore_index=True)


def _corners(
    kind: str, heat: Tensor, offset: Tensor, where: list[tuple[int, Placement]], params: Detection
) -> list[pd.DataFrame]:
    """The corners of each image from heat [B, C, H, W] (logits) and offset [B, 2, H, W]."""
    corners = top_corners(heat, params.top_corners, params.peak_kernel)
    columns = (corners.points(offset), corners.score, corners.category)
    found = []
    for *one, (image, placement) in zip(*(c.cpu().numpy() for c in columns), where, strict=True):
        points, scores, categories = (each[one[1] > 0] for each in one)
        x, y = to_image(np.tile(points, 2), placement)[:, :2].T
        rows = (kind, image, categories, x, y, scores)
        found.append(pd.DataFrame(dict(zip(COLUMNS, rows, strict=True))))
    return found
