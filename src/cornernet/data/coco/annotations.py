"""Reads an annotation file in COCO's format into columns, and says what in it is malformed.

The file of train2017 holds 118,287 images and 860,001 boxes in 448 MB, most of which are polygons
that nothing here uses: they are cut out before the JSON is parsed.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.data.coco.annotation_fields import (
    ANNOTATION_FIELDS,
    CATEGORY_FIELDS,
    IMAGE_FIELDS,
    well_formed,
)
from cornernet.data.coco.file_digests import FileDigest, size_and_times
from cornernet.data.coco.problems import Problem
from cornernet.errors import BadInput

LISTS = ("images", "categories", "annotations")

# A list of polygons. The same words inside a text of the file cannot match, for there the quotes
# around the key are escaped.
POLYGONS = re.compile(rb'"segmentation"\s*:\s*\[[\[\]0-9eE+\-.,\s]*\]')


@dataclass(frozen=True)
class Image:
    """An image as the annotation file declares it; `width` and `height` in pixels."""

    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class Category:
    """A category and the id that the annotation file gives it."""

    id: int
    name: str


@dataclass(frozen=True)
class AnnotationColumns:
    """The annotations of a file in its order, one row per annotation."""

    ids: np.ndarray  # int64 [n]
    image_ids: np.ndarray  # int64 [n]
    category_ids: np.ndarray  # int64 [n]
    xywh: np.ndarray  # float64 [n, 4], pixels
    crowd: np.ndarray  # bool [n]
    area: np.ndarray  # float64 [n], square pixels; width x height where the file has none


@dataclass(frozen=True)
class AnnotationFile:
    """What a file holds; malformed entries are left out of the columns and are in `problems`."""

    images: tuple[Image, ...]
    categories: tuple[Category, ...]
    annotations: AnnotationColumns
    on_disk: FileDigest  # of the bytes that were parsed
    problems: tuple[Problem, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        return self.on_disk.sha256


def read_annotation_file(path: Path, need_annotations: bool = True) -> AnnotationFile:
    """Read the file at `path`.

    `need_annotations`: whether a file without `annotations` is malformed; test-dev's has none.
    Entries that are malformed are named in `problems`. Raises BadInput if the file is absent, is
    not JSON, or lacks the three lists that COCO's format consists of.
    """
    try:
        on_disk = size_and_times(path)
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such annotation file; see data.root and data.splits") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    on_disk = on_disk._replace(sha256=hashlib.sha256(content).hexdigest())
    tree = _parse(path, content)
    del content
    _require_coco(path, tree, need_annotations)
    images, image_problems = well_formed(tree["images"], IMAGE_FIELDS, "image")
    categories, category_problems = well_formed(tree["categories"], CATEGORY_FIELDS, "category")
    annotations, problems = well_formed(
        tree.get("annotations", []), ANNOTATION_FIELDS, "annotation"
    )
    return AnnotationFile(
        images=tuple(
            Image(entry["id"], entry["file_name"], entry["width"], entry["height"])
            for entry in images
        ),
        categories=tuple(Category(entry["id"], entry["name"]) for entry in categories),
        annotations=_columns(annotations),
        on_disk=on_disk,
        problems=(*image_problems, *category_problems, *problems),
    )


def _parse(path: Path, content: bytes) -> Any:
    try:
        return json.loads(POLYGONS.sub(b'"segmentation":0', content))
    except (ValueError, RecursionError):
        pass
    try:  # once more, with the polygons, for the line and column of the error in the file itself
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{path}: is not JSON ({error}); write it anew, or download it again"
        ) from None


def _require_coco(path: Path, tree: Any, need_annotations: bool) -> None:
    needed = LISTS if need_annotations else LISTS[:2]
    if isinstance(tree, dict):
        wrong = [f"has no {key!r}" for key in needed if key not in tree]
        wrong += [
            f"{key!r} is not a list" for key in LISTS if not isinstance(tree.get(key, []), list)
        ]
    else:
        wrong = [f"holds a {type(tree).__name__}"]
    if wrong:
        raise BadInput(
            f"{path}: is not in COCO's format: {', '.join(wrong)}; it must hold an object with "
            f"the lists {', '.join(needed)}"
        )


def _columns(entries: Sequence[dict[str, Any]]) -> AnnotationColumns:
    xywh = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    area = np.array([entry.get("area") for entry in entries], np.float64)  # None becomes NaN
    with np.errstate(over="ignore", invalid="ignore"):
        product = xywh[:, 2] * xywh[:, 3]
    return AnnotationColumns(
        ids=_integers(entries, "id"),
        image_ids=_integers(entries, "image_id"),
        category_ids=_integers(entries, "category_id"),
        xywh=xywh,
        crowd=np.array([entry.get("iscrowd", 0) for entry in entries], bool),
        area=np.where(np.isnan(area), product, area),
    )


def _integers(entries: Sequence[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([entry[key] for entry in entries], np.int64)
