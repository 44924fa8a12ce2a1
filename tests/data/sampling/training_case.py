"""A tiny split on disk, and training samples of it, for the tests of samples and loader."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from cornernet.config import load_params
from cornernet.config.schema import Augmentation
from cornernet.data.coco.split import Boxes, CocoSplit, Image
from cornernet.data.sampling.samples import TrainingSamples

PAPER = load_params("paper")
AUGMENTATION = replace(PAPER.augmentation, input_size=63, crop_border=16)
TARGETS, DATA = PAPER.targets, PAPER.data


def still(size: int) -> Augmentation:
    """One crop of the input's own size, no flip, colours as they are."""
    scales = {"scale_start": 1.0, "scale_stop": 1.05}
    off = {"flip_probability": 0.0, "jitter": 0.0, "lighting_std": 0.0}
    return replace(AUGMENTATION, input_size=size, **scales, **off)


def random_split(folder: Path, counts: list[int], seed: int = 0) -> CocoSplit:
    """Images of about 70 x 60 pixels with `counts` boxes each; boxes of odd ids are crowds."""
    rng = np.random.default_rng(seed)
    images, boxes, first = [], [], 0
    for number, count in enumerate(counts):
        width, height = 70 + number, 60 + 2 * number
        images.append(Image(100 + number, f"{number}.png", width, height))
        corner = rng.uniform(10, 35, (count, 2))
        ids = np.arange(first, first + count)
        xyxy = np.concatenate([corner, corner + rng.uniform(3, 20, (count, 2))], axis=1)
        categories = rng.integers(0, 3, count)
        boxes.append(Boxes(xyxy, categories, ids, ids % 2 == 1, np.ones(count)))
        first += count
    return CocoSplit("train", folder, tuple(images), tuple(boxes), (1, 2, 3), ("a", "b", "c"))


def write_split(folder: Path, counts: list[int], seed: int = 0) -> CocoSplit:
    """The same split with its images on disk, of noise."""
    split = random_split(folder, counts, seed)
    rng = np.random.default_rng(seed)
    for image in split.images:
        pixels = rng.integers(0, 256, (image.height, image.width, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / image.file_name), pixels)
    return split


def training_samples(split: CocoSplit, seed: int = 0, radii=None, **changes) -> TrainingSamples:
    """Training samples with the params above but for the sections in `changes`."""
    sections = {"augmentation": AUGMENTATION, "targets": TARGETS, "data": DATA} | changes
    return TrainingSamples(split, radii, seed=seed, **sections)
