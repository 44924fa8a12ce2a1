"""A split of a data set in COCO's format: its images and their boxes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cornernet.config.schema import SplitFiles
from cornernet.data.coco.annotation_rules import annotation_problems
from cornernet.data.coco.annotations import AnnotationFile, read_annotation_file
from cornernet.errors import BadInput


@dataclass(frozen=True)
class Image:
    """An image as the annotation file declares it; `width` and `height` in pixels."""

    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class Boxes:
    """The annotated boxes of one image, in the file's order."""

    boxes: np.ndarray  # float64 [n, 4]: x1, y1, x2, y2 in pixels (x, y, x + width, y + height)
    categories: np.ndarray  # int64 [n]: index among the categories, 0 to C - 1
    ids: np.ndarray  # int64 [n]: ids of the annotations
    crowd: np.ndarray  # bool [n]
    area: np.ndarray  # float64 [n]: of the object in square pixels, as COCO's metrics use it


@dataclass(frozen=True)
class CocoSplit:
    """A split; `boxes` has one entry for each of `images`."""

    name: str
    folder: Path  # of the images
    images: tuple[Image, ...]
    boxes: tuple[Boxes, ...]
    category_ids: tuple[int, ...]  # index -> id in the file, ascending
    category_names: tuple[str, ...]
    annotations_sha256: str = ""  # of the annotation file that was read, if the split is of one

    def at(self, positions: Sequence[int]) -> "CocoSplit":
        """The split with the images at these positions alone."""
        images = tuple(self.images[position] for position in positions)
        return replace(self, images=images, boxes=tuple(self.boxes[at] for at in positions))


def has_annotations(name: str) -> bool:
    """Whether a split comes with annotations: all do but test-dev."""
    return name != "test_dev"


def load_split(root: Path, files: SplitFiles, name: str) -> CocoSplit:
    """Load the split called `name` whose files lie under `root`; no image is opened.

    Boxes of zero width or height are kept. A file without annotations is accepted for test-dev
    alone. Raises BadInput, a line for each kind of problem, if the file is not in COCO's format or
    what it says cannot be used.
    """
    path = root / files.annotations
    file = read_annotation_file(path, need_annotations=has_annotations(name))
    problems = annotation_problems(file)
    if problems:
        raise BadInput(problem.message(f"{name} ({path})") for problem in problems)
    categories = file.categories.sort_values("id")
    return CocoSplit(
        name=name,
        folder=root / files.images,
        images=tuple(Image(*row) for row in file.images.itertuples(index=False)),
        boxes=_boxes_by_image(file),
        category_ids=tuple(categories.id.tolist()),
        category_names=tuple(categories.name.tolist()),
        annotations_sha256=file.on_disk.sha256,
    )


def _boxes_by_image(file: AnnotationFile) -> tuple[Boxes, ...]:
    rows = pd.Index(file.images.id).get_indexer(file.annotations.image_id)
    order = np.argsort(rows, kind="stable")  # by image, and as in the file within one
    table = file.annotations.iloc[order]
    low = table[["x", "y"]].to_numpy()
    columns = (
        np.ascontiguousarray(np.hstack([low, low + table[["width", "height"]].to_numpy()])),
        np.searchsorted(np.sort(file.categories.id), table.category_id),
        table.id.to_numpy(),
        table.crowd.to_numpy(),
        table.area.to_numpy(),
    )
    ends = np.searchsorted(rows[order], np.arange(len(file.images) + 1)).tolist()
    return tuple(
        Boxes(*(column[start:stop] for column in columns))
        for start, stop in itertools.pairwise(ends)
    )
