"""Training samples as pictures: the augmented image, its boxes, corner heatmaps and radii."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cornernet.config import Params
from cornernet.data.coco.split import CocoSplit
from cornernet.data.sampling.colour import MEAN_BGR, STD_BGR
from cornernet.data.sampling.samples import Chunk, TrainingSamples, chunk_of
from cornernet.reporting.figures.figure import PALETTE, evenly_spaced, image_address
from cornernet.reporting.preview.views import are_objects
from cornernet.training.chunk_losses import corner_targets

PICTURES = 12
LARGEST_SIDE = (
    384  # of an image, in pixels: bounds the page's size, whatever the network's input is
)
COLOURS = np.array([[0, 159, 230], [233, 180, 86]])  # BGR: top-left orange, bottom-right blue


@dataclass(frozen=True)
class DrawnObject:
    """One object of a sample; lengths in pixels of the network's input."""

    box: tuple[float, float, float, float]  # x1, y1, x2, y2
    radius: float
    name: str  # of its category
    colour: str


@dataclass(frozen=True)
class Picture:
    """One training sample; `pixels` and `heat` are addresses of images in the page itself."""

    file_name: str
    side: int  # of the network's input, pixels
    pixels: str
    heat: str  # both heatmaps, a pixel per cell, transparent where they are zero
    objects: list[DrawnObject]


def sample_pictures(split: CocoSplit, params: Params, most: int = PICTURES) -> list[Picture]:
    """A sample, as training makes them, of each of `most` images that have objects.

    The images are evenly spaced over the file. Raises BadInput if one cannot be read.
    """
    numbers = [at for at, one in enumerate(split.boxes) if are_objects(one, params.data).any()]
    pictures = []
    for number in evenly_spaced(numbers, most):
        samples = TrainingSamples(
            split.at([number]), None, params.augmentation, params.targets, params.data,
            params.train.seeds[0],
        )  # fmt: skip
        chunk = chunk_of([samples.sample(epoch=number, index=0)])  # each image has its own draws
        name = split.images[number].file_name
        pictures.append(_picture(name, chunk, split.category_names, params))
    return pictures


def _picture(name: str, chunk: Chunk, category_names: tuple[str, ...], params: Params) -> Picture:
    """The picture of a chunk of one sample."""
    side = chunk.image.shape[-1]
    targets = corner_targets(chunk, len(category_names), params.targets)
    heat = [one[0].amax(0).numpy() for one in (targets.tl_heat, targets.br_heat)]  # [H, W] each
    cell = side / len(heat[0])  # pixels of the input
    corners = [
        ((at + offset) * cell)[0].tolist()
        for at, offset in ((chunk.tl_cell, chunk.tl_offset), (chunk.br_cell, chunk.br_offset))
    ]
    found = zip(*corners, chunk.radius[0].tolist(), chunk.category[0].tolist(), strict=True)
    objects = [
        DrawnObject((*first, *last), radius * cell, category_names[at], PALETTE[at % 6])
        for first, last, radius, at in found
    ]
    image = chunk.image[0].numpy().transpose(1, 2, 0) * STD_BGR + MEAN_BGR  # [S, S, 3] in [0, 1]
    shown = (255 * np.clip(image, 0, 1)).round().astype(np.uint8)
    if side > LARGEST_SIDE:
        shown = np.asarray(cv2.resize(shown, (LARGEST_SIDE,) * 2, interpolation=cv2.INTER_AREA))
    return Picture(
        name,
        side,
        image_address("jpeg", shown),
        image_address("png", _heat_layer(np.stack(heat, axis=-1))),
        objects[: int(chunk.mask.sum())],
    )


def _heat_layer(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Both heatmaps [H, W, 2] in their colours, as opaque as they are high: BGRA [H, W, 4]."""
    colour = heat @ COLOURS / np.maximum(heat.sum(axis=-1, keepdims=True), 1e-9)
    opacity = 255 * heat.max(axis=-1, keepdims=True)
    return np.concatenate([colour, opacity], axis=-1).round().astype(np.uint8)
