"""A data set of three small splits, to be broken and then checked."""

import itertools
import json
import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

from cornernet.config import load_params
from cornernet.config.schema import SplitFiles
from cornernet.data.coco.check import check_dataset
from cornernet.errors import BadInput

SPLITS = {
    "train": SplitFiles("train", "train.json"),
    "val": SplitFiles("val", "val.json"),
    "test_dev": SplitFiles("test", "test.json"),
}
WIDTH, HEIGHT = 40, 30


def encoded(image, extension):
    return cv2.imencode(extension, image)[1].tobytes()


def with_exif_orientation(jpeg, orientation, thumbnail=b""):
    """`jpeg` with an EXIF segment that holds an orientation and perhaps a thumbnail."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    payload = b"Exif\0\0" + tiff + thumbnail
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def damaged(jpeg):
    """`jpeg` with other bytes in a stretch of its compressed pixels; it decodes all the same."""
    middle = len(jpeg) * 2 // 3
    return jpeg[:middle] + b"\xff" * 40 + jpeg[middle + 40 :]


def params(root, splits=SPLITS, source="folder", **more):
    return replace(load_params("paper").data, source=source, root=str(root), splits=splits, **more)


class SmallDataset:
    """Three splits of three images; two boxes per image, none in the last. Break it, then check."""

    def __init__(self, root):
        self.root = root
        self.trees = {name: self._split(number, name) for number, name in enumerate(SPLITS)}
        del self.trees["test_dev"]["annotations"]

    def _split(self, number, name):
        folder, images, annotations = self.root / SPLITS[name].images, [], []
        folder.mkdir()
        for index in range(3):
            image = {"file_name": f"{name}{index}.png", "width": WIDTH, "height": HEIGHT}
            images.append({"id": index + 1, **image})
            random = np.random.default_rng(10 * number + index)
            pixels = random.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / image["file_name"]), pixels)
        boxes = [1, 2, 10, 12], [5.5, 3, 20, 20]
        for image, (category, box) in itertools.product((1, 2), enumerate(boxes, start=1)):
            object_ = {"image_id": image, "category_id": category, "bbox": [*box]}
            annotations.append({"id": len(annotations) + 1, **object_, "iscrowd": 0, "area": 100})
        categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
        return {"images": images, "categories": categories, "annotations": annotations}

    def write_annotations(self):
        for name, tree in self.trees.items():
            text = tree if isinstance(tree, str) else json.dumps(tree)
            (self.root / SPLITS[name].annotations).write_text(text)

    def record_of(self, name):
        """Where the digests of a split's files are kept."""
        return self.root / "file_digests" / f"{name}.csv"

    def check(self, **more):
        self.write_annotations()
        return check_dataset(self.root, params(self.root, **more), self.record_of)

    def refused(self, **more):
        with pytest.raises(BadInput) as caught:
            self.check(**more)
        return caught.value.problems
