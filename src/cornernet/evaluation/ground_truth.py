"""The annotated objects of a split, as COCO's metrics use them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cornernet.data.coco.annotation_rules import annotation_problems
from cornernet.data.coco.annotations import read_annotation_file
from cornernet.errors import BadInput


@dataclass(frozen=True)
class GroundTruth:
    """Objects of a split, one row each, in the file's order.

    Images and categories are sorted by id, and objects refer to them by index.
    """

    name: str  # the path of the annotation file, for messages
    digest: str  # SHA-256 of the annotation file's bytes
    image_ids: np.ndarray  # int64 [I]
    category_ids: np.ndarray  # int64 [C]
    category_names: tuple[str, ...]
    image: np.ndarray  # int64 [G], index into image_ids
    category: np.ndarray  # int64 [G], index into category_ids
    boxes: np.ndarray  # float64 [G, 4]: x, y, width, height in pixels
    area: np.ndarray  # float64 [G], square pixels: of the segmentation where COCO has one
    crowd: np.ndarray  # bool [G]


def read_ground_truth(path: Path) -> GroundTruth:
    """Read the annotations of a split by the rules that hold for training.

    An annotation without `area` has its box's, one without `iscrowd` is no crowd. Raises BadInput,
    one line per kind of problem, if the file breaks these rules or declares no image.
    """
    file = read_annotation_file(path)
    problems = [problem.message(str(path)) for problem in annotation_problems(file)]
    if not problems and not file.images:
        problems = [f"{path}: no images in it; give the annotations of a split that has some"]
    if problems:
        raise BadInput(problems)
    image_ids, category_ids = np.sort(file.image_ids), np.sort(file.category_ids)
    categories = sorted(file.categories, key=lambda category: category.id)
    objects = file.annotations
    return GroundTruth(
        name=str(path),
        digest=file.on_disk.sha256,
        image_ids=image_ids,
        category_ids=category_ids,
        category_names=tuple(category.name for category in categories),
        image=np.searchsorted(image_ids, objects.image_ids),
        category=np.searchsorted(category_ids, objects.category_ids),
        boxes=objects.xywh,
        area=objects.area,
        crowd=objects.crowd,
    )
