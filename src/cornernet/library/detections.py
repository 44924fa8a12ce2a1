"""What was found in an image, in the forms that people and other libraries take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cornernet.data.coco.dataset import Category
from cornernet.detection.detector import Detections
from cornernet.detection.predict import coco_results

# Of tables: the category's name and id, the box's left, top, width and height in pixels, the score.
COLUMNS = {
    "category": "object",
    "category_id": "int64",
    **dict.fromkeys(("x", "y", "width", "height", "score"), "float64"),
}


@dataclass(frozen=True)
class ImageDetections(Detections):
    """What was found in one image, the best first; an array's row belongs to one detection.

    `boxes` [n, 4] are x1, y1, x2, y2 in pixels of the image, `scores` [n] lie in [0, 1], and
    `categories` [n] are positions in `known`.
    """

    known: tuple[Category, ...]  # all categories of the network
    decimals: int | None  # that `to_coco` and `to_pandas` keep; None: all

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def category_ids(self) -> NDArray[np.int64]:
        """The categories' ids, as the annotations have them.  [n]"""
        return np.array([category.id for category in self.known], np.int64)[self.categories]

    @property
    def names(self) -> NDArray[np.str_]:
        """The categories' names.  [n]"""
        return np.array([category.name for category in self.known], np.str_)[self.categories]

    def to_coco(self, image_id: int) -> list[dict[str, Any]]:
        """COCO results, as `cornernet predict` writes them: image_id, category_id, bbox, score.

        A bbox is left, top, width and height in pixels.
        """
        ids = [category.id for category in self.known]
        return coco_results(self, image_id, ids, self.decimals)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each detection, with the columns `COLUMNS`."""
        return table_of([(0, self)]).drop(columns="image")


def table_of(found: Iterable[tuple[Any, ImageDetections]]) -> pd.DataFrame:
    """A row for each detection of several images: what the image is called, and `COLUMNS`."""
    rows = [
        (image, name, row["category_id"], *row["bbox"], row["score"])
        for image, each in found
        for name, row in zip(each.names.tolist(), each.to_coco(0), strict=True)
    ]
    return pd.DataFrame(rows, columns=["image", *COLUMNS]).astype(COLUMNS)
