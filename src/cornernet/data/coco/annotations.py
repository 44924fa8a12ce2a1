"""Reads an annotation file in COCO's format into tables, and says what in it is malformed.

The file of train2017 holds 118,287 images and 860,001 boxes in 448 MB, most of which are polygons
that nothing here uses: they are cut out before the JSON is parsed.
"""

import contextlib
import hashlib
import json
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cornernet.errors import BadInput, Problem
from cornernet.files import FileDigest, size_and_times

LISTS = ("images", "categories", "annotations")
BOX = ["x", "y", "width", "height"]

# A list of polygons. The same words inside a text of the file cannot match, for there the quotes
# around the key are escaped.
POLYGONS = re.compile(rb'"segmentation"\s*:\s*\[[\[\]0-9eE+\-.,\s]*\]')


def _is_integer(value: Any, low: int = -(2**63), high: int = 2**63) -> bool:
    """True for a float without a fraction too: 120.0 is 120, as it is to pycocotools."""
    whole = type(value) is int or (type(value) is float and value.is_integer())
    return whole and low <= value < high


def _is_length(value: Any) -> bool:
    return _is_integer(value, 1, 2**31)


def _is_text(value: Any) -> bool:
    """Whether it is a text that can be written to a file: half a pair of surrogates cannot."""
    return (
        isinstance(value, str) and value != "" and value.encode(errors="ignore").decode() == value
    )


def _is_number(value: Any) -> bool:
    """True for a float, NaN and infinities too, and for an integer that a float can hold."""
    return type(value) is float or _is_integer(value, -(2**1023), 2**1023)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


# Of each key of an entry: what its value must pass, and that in words.
Fields = Mapping[str, tuple[Callable[[Any], bool], str]]

IMAGE_FIELDS: Fields = {
    "id": (_is_integer, "an integer"),
    "file_name": (_is_text, "a text that is not empty"),
    "width": (_is_length, "a positive integer"),
    "height": (_is_length, "a positive integer"),
}
CATEGORY_FIELDS: Fields = {"id": (_is_integer, "an integer"), "name": (_is_text, "a text")}
_PLACED: Fields = {
    "image_id": (_is_integer, "an integer of 64 bits"),
    "category_id": (_is_integer, "an integer"),
    "bbox": (_is_box, "a list of four numbers: x, y, width, height in pixels"),
}
ANNOTATION_FIELDS: Fields = {
    "id": (_is_integer, "an integer"),
    **_PLACED,
    "iscrowd": (lambda value: value in (0, 1), "0 or 1"),
    "area": (
        lambda value: value is None or (_is_number(value) and 0 <= value < float("inf")),
        "a number that is not negative",
    ),
}
RESULT_FIELDS: Fields = {**_PLACED, "score": (_is_number, "a number")}
DEFAULTS = {"iscrowd": 0}  # of keys that may be left out, but may not be null
MISSING = object()  # in place of the value of a key that an entry lacks


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
    # Ids of malformed entries, None for one without: what refers to them is no further problem.
    left_out_images: set[int | None]
    left_out_categories: set[int | None]


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
    images, image_problems, bad_images = well_formed(tree["images"], IMAGE_FIELDS, "image")
    categories, category_problems, bad_categories = well_formed(
        tree["categories"], CATEGORY_FIELDS, "category"
    )
    listed = tree.get("annotations", [])
    annotations, problems, _ = well_formed(listed, ANNOTATION_FIELDS, "annotation")
    return AnnotationFile(
        images=_table(images, id=int, file_name=object, width=int, height=int),
        categories=_table(categories, id=int, name=object),
        annotations=_annotations(annotations),
        on_disk=on_disk,
        problems=(*image_problems, *category_problems, *problems),
        left_out_images=set(map(_id_of, bad_images)),
        left_out_categories=set(map(_id_of, bad_categories)),
    )


def _parse(path: Path, content: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(POLYGONS.sub(b'"segmentation":0', content))
    try:  # once more, with the polygons, for the line and column of the error in the file itself
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        said = f"is not JSON ({error}); write it again, or download it again"
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


def well_formed(
    entries: Sequence[Any], fields: Fields, noun: str
) -> tuple[list[dict[str, Any]], list[Problem], list[Any]]:
    """The entries that hold what `fields` ask for; a problem for each field; the other entries."""
    objects = {i: entry for i, entry in enumerate(entries) if isinstance(entry, dict)}
    others = {i: entries[i] for i in range(len(entries)) if i not in objects}
    wrong = {("not an object", "write each as {...}"): others}
    for key, (test, meaning) in fields.items():
        default = DEFAULTS.get(key)
        wrong[f"wrong or missing {key!r}", f"must be {meaning}"] = {
            i: entry.get(key, MISSING)
            for i, entry in objects.items()
            if not test(entry.get(key, default))
        }
    problems = [
        Problem(what, remedy, [_case(entries[i], i, value) for i, value in found.items()], noun)
        for (what, remedy), found in wrong.items()
        if found
    ]
    bad = set().union(*wrong.values())
    good = [entry for i, entry in objects.items() if i not in bad]
    return good, problems, [entries[i] for i in bad]


def _case(entry: Any, position: int, value: Any) -> str:
    """A malformed entry, by its id if it has one, else by its place, with the value found."""
    identity = _id_of(entry)
    name = f"number {position + 1}" if identity is None else f"id {identity}"
    return f"{name}: {'missing' if value is MISSING else reprlib.repr(value)}"


def _id_of(entry: Any) -> int | None:
    known = isinstance(entry, dict) and _is_integer(entry.get("id"))
    return int(entry["id"]) if known else None
