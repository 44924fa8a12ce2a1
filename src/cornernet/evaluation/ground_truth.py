"""The annotated objects of a split, as COCO's metrics use them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cornernet.data.coco.annotation_rules import annotation_problems
from cornernet.data.coco.annotations import BOX, read_annotation_file
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
    if not problems and file.images.empty:
        problems = [f"{path}: no images in it; give the annotations of a split that has some"]
    if problems:
        raise BadInput(problems)
    image_ids, objects = np.sort(file.images.id), file.annotations
    categories = file.categories.sort_values("id")
    return GroundTruth(
        name=str(path),
        digest=file.on_disk.sha256,
        image_ids=image_ids,
        category_ids=categories.id.to_numpy(),
        category_names=tuple(categories.name),
        image=np.searchsorted(image_ids, objects.image_id),
        category=np.searchsorted(categories.id, objects.category_id),
        boxes=np.ascontiguousarray(objects[BOX]),
        area=objects.area.to_numpy(),
        crowd=objects.crowd.to_numpy(),
    )
