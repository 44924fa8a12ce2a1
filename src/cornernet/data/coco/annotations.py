"""Reads an annotation file in COCO's format into tables, and says what in it is malformed.

The file of train2017 holds 118,287 images and 860,001 boxes in 448 MB, most of which are polygons
that nothing here uses: they are cut out before the JSON is parsed.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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
BOX = ["x", "y", "width", "height"]

# A list of polygons. The same words inside a text of the file cannot match, for there the quotes
# around the key are escaped.
POLYGONS = re.compile(rb'"segmentation"\s*:\s*\[[\[\]0-9eE+\-.,\s]*\]')


@dataclass(frozen=True)
class AnnotationFile:
    """What a file holds; malformed entries are left out of the tables and are in `problems`.

    The tables have the file's order. Lengths are in pixels, areas in square pixels.
    """

    images: pd.DataFrame  # id, file_name, width, height
    categories: pd.DataFrame  # id, name
    annotations: pd.DataFrame  # id, image_id, category_id, x, y, width, height, crowd, area
    on_disk: FileDigest  # of the bytes that were parsed
    problems: tuple[Problem, ...]


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
        images=_table(images, id=int, file_name=object, width=int, height=int),
        categories=_table(categories, id=int, name=object),
        annotations=_annotations(annotations),
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
    content = tree if isinstance(tree, dict) else {}
    needed = LISTS if need_annotations or "annotations" in content else LISTS[:2]
    if wrong := [repr(key) for key in needed if not isinstance(content.get(key), list)]:
        raise BadInput(
            f"{path}: is not in COCO's format: has no list {', '.join(wrong)}; it must hold an "
            f"object with the lists {', '.join(needed)}"
        )


def _table(entries: Sequence[dict[str, Any]], **kinds: type) -> pd.DataFrame:
    """One column for each key of `kinds`; an `int` has 64 bits."""
    columns = {key: [entry[key] for entry in entries] for key in kinds}
    return pd.DataFrame({key: np.array(columns[key], kinds[key]) for key in kinds})


def _annotations(entries: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """An annotation without `iscrowd` is no crowd; one without `area` has that of its box."""
    table = _table(entries, id=int, image_id=int, category_id=int)
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    area = np.array([entry.get("area") for entry in entries], np.float64)  # None becomes NaN
    with np.errstate(over="ignore", invalid="ignore"):
        area = np.where(np.isnan(area), boxes[:, 2] * boxes[:, 3], area)
    crowd = np.array([entry.get("iscrowd", 0) for entry in entries], bool)
    return table.join(pd.DataFrame(boxes, columns=BOX)).assign(crowd=crowd, area=area)
