"""A data set of three small splits, to be broken and then checked."""

import json

import cv2
import numpy as np
import pytest

from cornernet.config.schema import Data, SplitFiles
from cornernet.data.coco.check import check_dataset
from cornernet.errors import BadInput

SPLITS = {
    "train": SplitFiles("train", "train.json"),
    "val": SplitFiles("val", "val.json"),
    "test_dev": SplitFiles("test", "test.json"),
}
WIDTH, HEIGHT = 40, 30


def params(root, splits=SPLITS, source="folder", keep_crowd=True):
    return Data(
        source=source, root=str(root), splits=splits, keep_crowd=keep_crowd, keep_empty=True
    )


class SmallDataset:
    """Three splits of three images; two boxes per image, none in the last. Break it, then check."""

    def __init__(self, root):
        self.root = root
        self.trees = {name: self._split(number, name) for number, name in enumerate(SPLITS)}
        del self.trees["test_dev"]["annotations"]

    def _split(self, number, name):
        folder = self.root / SPLITS[name].images
        folder.mkdir()
        images, annotations = [], []
        for index in range(3):
            seed = 10 * number + index
            pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3))
            cv2.imwrite(str(folder / f"{name}{index}.png"), pixels.astype(np.uint8))
            image_id = index + 1
            images.append(
                {"id": image_id, "file_name": f"{name}{index}.png", "width": 40, "height": 30}
            )
            for box in ([1, 2, 10, 12], [5.5, 3, 20, 20]) if index < 2 else ():
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": 1 + len(annotations) % 2,
                        "bbox": list(box),
                        "iscrowd": 0,
                        "area": 100,
                    }
                )
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
