"""Reads an annotation file in COCO's format into columns, and says what in it is malformed.

The file of train2017 holds 118,287 images and 860,001 boxes in 448 MB, most of which are polygons
that nothing here uses: they are cut out before the JSON is parsed.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
    def image_ids(self) -> np.ndarray:
        """Of `images`, in their order.  int64 [images]"""
        return np.array([image.id for image in self.images], np.int64)

    @property
    def category_ids(self) -> np.ndarray:
        """Of `categories`, in their order.  int64 [categories]"""
        return np.array([category.id for category in self.categories], np.int64)

    @cached_property
    def image_rows(self) -> np.ndarray:
        """For each annotation the index of its image in `images`, or -1.  int64 [n]"""
        return positions(self.image_ids, self.annotations.image_ids)


def positions(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each of `values` its (first) index in `keys`, or -1.  int64 [len(values)]"""
    first = {key: place for place, key in reversed([*enumerate(keys.tolist())])}
    return np.array([first.get(value, -1) for value in values.tolist()], np.int64)


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
    listed = tree.get("annotations", [])
    annotations, problems = well_formed(listed, ANNOTATION_FIELDS, "annotation")
    return AnnotationFile(
        images=tuple(Image(*(entry[key] for key in IMAGE_FIELDS)) for entry in images),
        categories=tuple(Category(entry["id"], entry["name"]) for entry in categories),
        annotations=_columns(annotations),
        on_disk=on_disk,
        problems=(*image_problems, *category_problems, *problems),
    )


def _parse(path: Path, content: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(POLYGONS.sub(b'"segmentation":0', content))
    try:  # once more, with the polygons, for the line and column of the error in the file itself
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        said = f"is not JSON ({error}); write it anew, or download it again"
        raise BadInput(f"{path}: {said}") from None


def _require_coco(path: Path, tree: Any, need_annotations: bool) -> None:
    needed = LISTS if need_annotations else LISTS[:2]
    wrong = [f"holds a {type(tree).__name__}"]
    if isinstance(tree, dict):
        wrong = [f"has no {key!r}" for key in needed if key not in tree]
        lists = (key for key in LISTS if key in tree)
        wrong += [f"{key!r} is not a list" for key in lists if not isinstance(tree[key], list)]
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

    def integers(key: str) -> np.ndarray:
        return np.array([entry[key] for entry in entries], np.int64)

    return AnnotationColumns(
        ids=integers("id"),
        image_ids=integers("image_id"),
        category_ids=integers("category_id"),
        xywh=xywh,
        crowd=np.array([entry.get("iscrowd", 0) for entry in entries], bool),
        area=np.where(np.isnan(area), product, area),
    )
