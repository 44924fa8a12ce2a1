"""Params for tests of detection, and a network without weights that sees rectangles on black."""

from dataclasses import replace

import numpy as np
import torch
from model.sizes import TINY
from torch.nn import functional as F

from cornernet.config.schema import Detection, SoftNms
from cornernet.data.coco.split import Boxes, CocoSplit, Image
from cornernet.data.sampling.colour import MEAN_BGR, STD_BGR
from cornernet.model.network import CornerOutputs

CLEAN = Detection(
    top_corners=100,
    embedding_distance=0.5,
    peak_kernel=3,
    max_pairs=1000,
    max_detections=100,
    flip=True,
    mirror="continuous",
    lose_last_row=False,
    soft_nms=SoftNms(
        method="gaussian", sigma=0.5, iou_threshold=0.5, score_floor=0.001, stale_rows=False
    ),
    scales=(0.5, 1.0, 1.5),
    merge_exponent=10.0,
    mismatched_merge=False,
    score_decimals=None,
    keep_ties=False,
    batch_size=4,
    threads=1,
    precision="fp32",
)
RELEASED = replace(
    CLEAN,
    lose_last_row=True,
    soft_nms=replace(CLEAN.soft_nms, stale_rows=True),
    mismatched_merge=True,
    score_decimals=2,
    keep_ties=True,
)
# Sides of the canvas are multiples of 16, less one.
SMALL_MODEL = replace(TINY, stacks=1, modules=(1, 1, 1))


DARK = 0.15  # of 1: what is below is background
CERTAIN = 6.0  # logit of a corner
CATEGORY_IDS = (3, 8, 90)  # one for each of blue, green, red
SIZES = {7: (60, 90), 3: (63, 79), 12: (60, 90), 5: (100, 64), 30: (62, 80), 21: (60, 95)}


def rectangle_network(images):
    """Exact corners of rectangles in blue, green and red; the brightness is the embedding."""
    mean, std = (torch.tensor(a, dtype=torch.float32)[:, None, None] for a in (MEAN_BGR, STD_BGR))
    pixels = images * std + mean  # [B, 3, h, w] in [0, 1]
    lit = F.pad(pixels > DARK, (1, 1, 1, 1))
    here = lit[:, :, 1:-1, 1:-1]
    tl = here & ~lit[:, :, 1:-1, :-2] & ~lit[:, :, :-2, 1:-1]  # dark on the left and above
    br = here & ~lit[:, :, 1:-1, 2:] & ~lit[:, :, 2:, 1:-1]
    return CornerOutputs(*interleave(maps(pixels, tl, edge=0), maps(pixels, br, edge=1)))


def interleave(first, second):
    return [one for pair in zip(first, second, strict=True) for one in pair]


def maps(pixels, corners, edge):
    """Heatmap, embedding and offset for corners [B, 3, h, w], which end at pixel x + edge."""
    batch, categories, height, width = pixels.shape
    rows, columns = (height + 1) // 4, (width + 1) // 4
    heat = torch.full((batch, categories, rows, columns), -CERTAIN)
    embedding, offset = torch.zeros(batch, 1, rows, columns), torch.zeros(batch, 2, rows, columns)
    for image, category, y, x in corners.nonzero().tolist():
        exact_y, exact_x = (y + edge) * rows / height, (x + edge) * columns / width
        cell_y, cell_x = min(int(exact_y), rows - 1), min(int(exact_x), columns - 1)
        heat[image, category, cell_y, cell_x] = CERTAIN
        embedding[image, 0, cell_y, cell_x] = 20 * pixels[image, category, y, x]
        offset[image, :, cell_y, cell_x] = torch.tensor([exact_x - cell_x, exact_y - cell_y])
    return heat, embedding, offset


def draw_rectangles(height, width, seed, count=4):
    """An image with rectangles that do not touch, and their boxes and categories."""
    generator = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.uint8)
    boxes, categories = [], []
    for number in range(count):
        # each in a cell of its own of a 2 x 2 grid
        top, left = number // 2 * (height // 2), number % 2 * (width // 2)
        y1, x1 = top + generator.integers(0, 5), left + generator.integers(0, 5)
        y2 = y1 + generator.integers(8, height // 2 - 6)
        x2 = x1 + generator.integers(8, width // 2 - 6)
        category = generator.integers(3)
        image[y1:y2, x1:x2, category] = 80 + 40 * number
        boxes.append((x1, y1, x2, y2))
        categories.append(category)
    return image, np.array(boxes, float).reshape(-1, 4), np.array(categories, np.int64)


def objects_of(boxes, categories, crowd=None):
    """Annotations of an image, none of them a crowd unless said so."""
    count = len(categories)
    crowd = np.zeros(count, bool) if crowd is None else np.array(crowd)
    return Boxes(boxes, categories, np.arange(1, count + 1), crowd, np.ones(count))


def split_of(folder, images):
    """A split of {id: (pixels, boxes, categories)}; the files are written by the caller."""
    names = {identity: f"{identity:06d}.png" for identity in images}
    return CocoSplit(
        name="val",
        folder=folder,
        images=tuple(
            Image(identity, names[identity], pixels.shape[1], pixels.shape[0])
            for identity, (pixels, _, _) in images.items()
        ),
        boxes=tuple(objects_of(boxes, categories) for _, boxes, categories in images.values()),
        category_ids=CATEGORY_IDS,
        category_names=("blue", "green", "red"),
    )
