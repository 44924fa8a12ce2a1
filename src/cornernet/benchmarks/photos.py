"""Photographs to measure with: COCO's own, or made ones that cost as much to decode."""

from pathlib import Path

import cv2
import numpy as np

from cornernet.config.schema import SplitFiles
from cornernet.data.coco.split import Boxes, CocoSplit, Image, load_split
from cornernet.errors import BadInput
from cornernet.files import replacing

TRAIN = SplitFiles("train2017", "annotations/instances_train2017.json")
# COCO's JPEGs have about 165 kB for 640 x 480 pixels; fine grain and this quality give as much.
QUALITY = 93
GRAIN = 9.0  # standard deviation, of 255
OBJECTS = 7  # boxes on an image of train2017, on average


def photos_of_coco(root: Path, size: tuple[int, int], count: int) -> CocoSplit | None:
    """The first `count` annotated photographs of `size` (height, width); None if there are less."""
    try:
        split = load_split(root, TRAIN, "train")
    except BadInput:
        return None
    fitting = [
        number
        for number, image in enumerate(split.images)
        if (image.height, image.width) == size
        and len(split.boxes[number].ids)
        and (split.folder / image.file_name).is_file()
    ][:count]
    if len(fitting) < count:
        return None
    return CocoSplit(
        split.name,
        split.folder,
        tuple(split.images[number] for number in fitting),
        tuple(split.boxes[number] for number in fitting),
        split.category_ids,
        split.category_names,
    )


def made_photos(folder: Path, size: tuple[int, int], count: int) -> CocoSplit:
    """`count` JPEGs of soft shapes under fine grain, written to `folder`, with made boxes."""
    rng = np.random.default_rng(0)
    height, width = size
    images, boxes = [], []
    for number in range(count):
        name = f"{number}.jpg"
        soft = cv2.resize(
            rng.uniform(0, 255, (9, 12, 3)).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        grainy = soft + rng.normal(0, GRAIN, soft.shape)
        _, encoded = cv2.imencode(
            ".jpg", grainy.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        )
        with replacing(folder / name) as temporary:
            temporary.write_bytes(encoded.tobytes())
        images.append(Image(number + 1, name, width, height))
        boxes.append(_made_boxes(rng, size, first_id=OBJECTS * number + 1))
    names = tuple(f"kind {category}" for category in range(80))
    return CocoSplit("train", folder, tuple(images), tuple(boxes), tuple(range(1, 81)), names)


def _made_boxes(rng: np.random.Generator, size: tuple[int, int], first_id: int) -> Boxes:
    sides = rng.uniform(10, 200, (OBJECTS, 2))
    low = rng.uniform(0, 1, (OBJECTS, 2)) * (np.array(size[::-1]) - sides)
    return Boxes(
        boxes=np.hstack([low, low + sides]),
        categories=rng.integers(0, 80, OBJECTS),
        ids=np.arange(first_id, first_id + OBJECTS),
        crowd=np.zeros(OBJECTS, bool),
        area=sides.prod(axis=1),
    )
