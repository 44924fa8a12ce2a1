"""The augmentation of section 4.1: a random view of an image and of its boxes.

"Standard data augmentation techniques including random horizontal flipping, random scaling,
random cropping and random color jittering ... Finally, we apply PCA." The order, the ranges and
the padding are the released code's.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cornernet.config.schema import Augmentation
from cornernet.data.sampling import colour, geometry


@dataclass(frozen=True)
class RandomView:
    """All that is random about one view of one image."""

    scale: float  # side of the crop over the side of the network's input
    centre: tuple[int, int]  # of the crop: x, y in pixels of the image
    flip: bool
    jitters: tuple[tuple[str, float], ...]  # brightness, contrast, saturation in order, factors
    lighting: tuple[float, ...]  # [3], along each principal component


@dataclass(frozen=True)
class ViewBoxes:
    """The boxes of one view, in pixels of the network's input."""

    boxes: NDArray[np.float64]  # [k, 4]
    kept: NDArray[np.int64]  # [k]: place of each among the image's boxes
    clipped: NDArray[np.bool_]  # [k]: whether a part of it was cut off
    scale: float  # pixels of the input for a pixel of the image


def draw(rng: np.random.Generator, height: int, width: int, params: Augmentation) -> RandomView:
    """Draw a random view of an image of `height` x `width` pixels.

    The generator is asked for the same numbers whatever the params are, so that switching one
    augmentation off leaves the others as they were.
    """
    # 0.6 to 1.3 by tenths in the paper's run, rounded as `arange` rounds them: 0.6 + 4 x 0.1 falls
    # short of 1, so that crop has a side of 510 pixels, not 511, in the released code.
    scales = np.arange(params.scale_start, params.scale_stop, params.scale_step)
    scale = float(rng.choice(scales))
    x = int(rng.integers(*geometry.centre_range(width, params.crop_border)))
    y = int(rng.integers(*geometry.centre_range(height, params.crop_border)))
    flip = bool(rng.random() < params.flip_probability)
    order = rng.permutation(len(colour.JITTERS))
    factors = 1 + params.jitter * rng.uniform(-1, 1, len(colour.JITTERS))
    lighting = params.lighting_std * rng.standard_normal(3)
    return RandomView(
        scale=scale,
        centre=(x, y),
        flip=flip,
        jitters=tuple(zip((colour.JITTERS[which] for which in order), factors, strict=True)),
        lighting=tuple(lighting),
    )


def place(
    image: NDArray[np.uint8], boxes: NDArray[np.float64], draws: RandomView, params: Augmentation
) -> tuple[NDArray[np.uint8], ViewBoxes]:
    """Crop, resize to the input's size, clip and drop boxes, flip.

    From uint8 [H, W, 3] and boxes in its pixels [n, 4] to uint8 [S, S, 3] and its boxes.
    """
    view = (params.input_size, params.input_size)
    size = geometry.crop_size(view, draws.scale)
    cropped = geometry.crop_image(image, size, draws.centre, params.lose_odd_row)
    resized = geometry.resize_image(cropped, view)
    moved = geometry.resize_boxes(geometry.crop_boxes(boxes, size, draws.centre), size, view)
    left, kept, clipped = geometry.clip_boxes(moved, view)
    if draws.flip:
        resized, left = np.asarray(cv2.flip(resized, 1)), geometry.flip_boxes(left, view[1])
    return resized, ViewBoxes(left, kept, clipped, scale=view[0] / size[0])


def augment(
    image: NDArray[np.uint8], boxes: NDArray[np.float64], draws: RandomView, params: Augmentation
) -> tuple[NDArray[np.float32], ViewBoxes]:
    """A view as the network takes it, float32 [3, S, S], and its boxes; the rest as of `place`.

    The black around the image is jittered and normalised with it.
    """
    view, placed = place(image, boxes, draws, params)
    transform = colour.jitter(np.eye(3, 4), draws.jitters, colour.grey_mean(view))
    transform = colour.normalise(colour.lighting(transform, np.array(draws.lighting)))
    return colour.apply_transform(view, transform), placed
