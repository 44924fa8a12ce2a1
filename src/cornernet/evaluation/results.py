"""Read COCO annotations and COCO results into arrays, refusing what cannot be scored.

Both come as a path to a JSON file or as its parsed content. Boxes are (x, y, width, height) in
pixels, as COCO stores them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.errors import BadInput
from cornernet.evaluation.columns import (
    columns_of,
    counted,
    impossible_boxes,
    read_json,
    unknown_ids,
)


@dataclass(frozen=True)
class GroundTruth:
    """Objects of a split; images and categories are sorted by id and named by index below."""

    name: str  # for messages
    image_ids: np.ndarray  # int64 [I]
    category_ids: np.ndarray  # int64 [C]
    category_names: tuple[str, ...]
    image: np.ndarray  # int64 [G], index into image_ids
    category: np.ndarray  # int64 [G], index into category_ids
    boxes: np.ndarray  # float64 [G, 4], x, y, width, height
    area: np.ndarray  # float64 [G], of the segmentation where COCO has one
    crowd: np.ndarray  # bool [G]


@dataclass(frozen=True)
class Results:
    """Detections in the order of their file."""

    image_id: np.ndarray  # int64 [N]
    category_id: np.ndarray  # int64 [N]
    boxes: np.ndarray  # float64 [N, 4], x, y, width, height
    score: np.ndarray  # float64 [N]


def read_ground_truth(source: Path | dict[str, Any]) -> GroundTruth:
    """The annotations of a split.

    An annotation without `area` has its box's, one without `iscrowd` is no crowd. Raises BadInput
    for a file that is not COCO's, doubled ids, undeclared images or categories, impossible boxes.
    """
    name, content = read_json(source, "annotations")
    if not isinstance(content, dict):
        raise BadInput(f"{name}: not COCO annotations (no JSON object); give an instances_*.json")
    missing = [key for key in ("images", "categories", "annotations") if key not in content]
    if missing:
        raise BadInput(
            f"{name}: no {', '.join(missing)} in it, so nothing can be scored against it; "
            "give the annotations of a split whose answers are public"
        )
    images, categories, rows = content["images"], content["categories"], content["annotations"]
    image_ids = _declared_ids(images, f"{name}: images")
    category_ids = _declared_ids(categories, f"{name}: categories")
    if not len(image_ids):
        raise BadInput(f"{name}: no images in it; give the annotations of a split that has some")
    names = {row["id"]: str(row.get("name", row["id"])) for row in categories}
    columns = columns_of(rows, ("image_id", "category_id"), ("bbox",), f"{name}: annotations")
    area = _areas(rows, columns["bbox"])
    problems = [
        *unknown_ids(columns["image_id"], image_ids, f"{name}: annotations", "images"),
        *unknown_ids(columns["category_id"], category_ids, f"{name}: annotations", "categories"),
        *impossible_boxes(columns["bbox"], f"{name}: annotations"),
        *counted(
            ~np.isfinite(area),
            f"{name}: annotations",
            "an area that is not a finite number",
            "write square pixels, or leave it out",
        ),
    ]
    if problems:
        raise BadInput(problems)
    return GroundTruth(
        name=name,
        image_ids=image_ids,
        category_ids=category_ids,
        category_names=tuple(names[key] for key in category_ids.tolist()),
        image=np.searchsorted(image_ids, columns["image_id"]),
        category=np.searchsorted(category_ids, columns["category_id"]),
        boxes=columns["bbox"],
        area=area,
        crowd=np.asarray([bool(row.get("iscrowd", 0)) for row in rows], dtype=bool),
    )


def read_results(
    source: Path | Sequence[dict[str, Any]],
    image_ids: Collection[int],
    category_ids: Collection[int],
    split: str,
) -> Results:
    """COCO results (a list of image_id, category_id, bbox, score), in the order of the file.

    `split` names in messages what the ids are held against. Raises BadInput for anything but such
    a list, for images or categories that the split does not have, and for boxes or scores that
    are not finite.
    """
    name, rows = read_json(source, "detections")
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
        raise BadInput(f"{name}: not COCO results; write a JSON list with one object a detection")
    columns = columns_of(rows, ("image_id", "category_id"), ("bbox", "score"), name)
    problems = [
        *unknown_ids(columns["image_id"], image_ids, name, f"images of {split}"),
        *unknown_ids(columns["category_id"], category_ids, name, f"categories of {split}"),
        *impossible_boxes(columns["bbox"], name),
        *counted(
            ~np.isfinite(columns["score"]),
            name,
            "a score that is not a finite number",
            "drop them or look for NaN in the network's output",
        ),
    ]
    if problems:
        raise BadInput(problems)
    return Results(columns["image_id"], columns["category_id"], columns["bbox"], columns["score"])


def _declared_ids(rows: Any, where: str) -> np.ndarray:
    """Sorted ids of images or categories."""
    ids = columns_of(rows, ("id",), (), where)["id"]
    unique = np.unique(ids)
    if len(unique) < len(ids):
        raise BadInput(f"{where}: {len(ids) - len(unique)} doubled ids; each must be given once")
    return unique


def _areas(rows: Sequence[dict[str, Any]], boxes: np.ndarray) -> np.ndarray:
    """Areas in square pixels: COCO's are those of the masks; NaN where none can be read."""
    of_boxes = (boxes[:, 2] * boxes[:, 3]).tolist()
    given = [row.get("area") for row in rows]
    return np.asarray(
        [
            of_boxes[index] if area is None else area if isinstance(area, int | float) else np.nan
            for index, area in enumerate(given)
        ],
        dtype=np.float64,
    )
