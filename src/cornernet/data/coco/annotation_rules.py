"""What the annotations of one split must satisfy, and which irregularities are only counted.

COCO has all of the latter: crowd boxes; images without boxes; boxes of zero width or height, which
training drops (annotations 918 and 2206849 of train2017); boxes that reach over the image's border,
which training clips.
"""

import posixpath
from collections.abc import Iterator

import numpy as np

from cornernet.data.coco.annotations import AnnotationColumns, AnnotationFile, Image
from cornernet.data.coco.problems import Problem

# Pixels. An empty box (of zero width or height) that lies outside of its image is let through up to
# this distance: training drops it anyway. Boxes that reach over the border by more are counted.
BORDER_TOLERANCE = 2.0

# COCO's classes of size, by area in square pixels: pycocotools' Params.setDetParams.
MEDIUM_FROM, LARGE_FROM = 32.0**2, 96.0**2


def annotation_problems(file: AnnotationFile) -> list[Problem]:
    """Every kind of problem in a file: malformed entries, ids, file names, boxes."""
    return [
        *file.problems,
        *_id_problems(file),
        *_file_name_problems(file.images),
        *_reference_problems(file),
        *_box_problems(file),
    ]


def leaves_folder(file_name: str) -> bool:
    """Whether a file name points elsewhere than into the image folder."""
    normal = posixpath.normpath(file_name)
    return "\0" in file_name or normal.startswith(("/", "..")) or normal == "."


def rows_of_images(file: AnnotationFile) -> np.ndarray:
    """For each annotation the index of its image in `file.images`, or -1.  int64 [n]"""
    ids = np.array([image.id for image in file.images], np.int64)
    return positions(ids, file.annotations.image_ids)


def positions(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each of `values` its (first) index in `keys`, or -1.  int64 [len(values)]"""
    if len(keys) == 0:
        return np.full(len(values), -1, np.int64)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], values), len(keys) - 1)
    found = order[place]
    return np.where(keys[found] == values, found, -1)


def count_irregularities(file: AnnotationFile) -> dict[str, int]:
    """How often the file has each irregularity that is let through; see this module's docstring."""
    annotations = file.annotations
    x, y, width, height = annotations.xywh.T
    size = _image_sizes(file)
    beyond = np.max([-x, -y, x + width - size[:, 0], y + height - size[:, 1]], axis=0, initial=0)
    with_boxes = np.unique(annotations.image_ids)
    return {
        "crowd_boxes": int(annotations.crowd.sum()),
        "images_without_boxes": len(file.images) - len(with_boxes),
        "boxes_of_zero_width_or_height": int(((width == 0) | (height == 0)).sum()),
        "boxes_over_the_border": int((beyond > 0).sum()),
        "boxes_over_the_border_by_more_than_2_pixels": int((beyond > BORDER_TOLERANCE).sum()),
    }


def size_classes(annotations: AnnotationColumns) -> dict[str, int]:
    """The number of boxes that are not crowds, by COCO's classes of area."""
    area = annotations.area[~annotations.crowd]
    small = int((area < MEDIUM_FROM).sum())
    large = int((area >= LARGE_FROM).sum())
    return {"small": small, "medium": len(area) - small - large, "large": large}


def _id_problems(file: AnnotationFile) -> Iterator[Problem]:
    columns = (
        ("image", np.array([image.id for image in file.images], np.int64)),
        ("category", np.array([category.id for category in file.categories], np.int64)),
        ("annotation", file.annotations.ids),
    )
    for noun, ids in columns:
        values, number = np.unique(ids, return_counts=True)
        if (number > 1).any():
            cases = [f"id {value}" for value in values[number > 1]]
            noun_of_id = f"{noun} id"
            yield Problem("used more than once", "give each its own", cases, noun_of_id)


def _file_name_problems(images: tuple[Image, ...]) -> Iterator[Problem]:
    cases = [repr(image.file_name) for image in images if leaves_folder(image.file_name)]
    if cases:
        remedy = "write 'file_name' relative to the split's image folder, without '..'"
        yield Problem("a file name that leaves the image folder", remedy, cases, "image")


def _reference_problems(file: AnnotationFile) -> Iterator[Problem]:
    if not file.categories:
        yield Problem("no categories", "declare them under 'categories'")
    declared = np.array([category.id for category in file.categories], np.int64)
    unknown = positions(declared, file.annotations.category_ids) < 0
    if unknown.any():
        ids = ", ".join(map(str, np.unique(file.annotations.category_ids[unknown])[:5]))
        remedy = f"declare the category (ids: {ids}) under 'categories'"
        yield Problem("undeclared category", remedy, _cases(file, unknown))
    lost = rows_of_images(file) < 0
    if lost.any():
        ids = ", ".join(map(str, np.unique(file.annotations.image_ids[lost])[:5]))
        remedy = f"declare the image (ids: {ids}) under 'images', or drop the annotations"
        yield Problem("undeclared image", remedy, _cases(file, lost))


def _box_problems(file: AnnotationFile) -> Iterator[Problem]:
    xywh = file.annotations.xywh  # [n, 4]
    finite = np.isfinite(xywh).all(axis=1)
    if not finite.all():
        remedy = "write x, y, width, height as finite numbers"
        yield Problem("a box that is NaN or infinite", remedy, _cases(file, ~finite))
    negative = finite & (xywh[:, 2:] < 0).any(axis=1)
    if negative.any():
        remedy = "write 'bbox' as x, y, width, height, not as two corners"
        yield Problem("a box of negative width or height", remedy, _cases(file, negative))
    outside = finite & ~negative & _wholly_outside(file)
    if outside.any():
        remedy = "check 'bbox' (x, y, width, height in pixels) against 'width' and 'height'"
        yield Problem("a box wholly outside of its image", remedy, _cases(file, outside))


def _wholly_outside(file: AnnotationFile) -> np.ndarray:
    """Whether a box has no pixel in common with its image.  bool [n]"""
    low = file.annotations.xywh[:, :2]  # [n, 2]
    high = low + file.annotations.xywh[:, 2:]
    size = _image_sizes(file)
    empty = (low == high).any(axis=1)
    outside = ((low >= size) | (high <= 0)).any(axis=1)
    far = ((low > size + BORDER_TOLERANCE) | (high < -BORDER_TOLERANCE)).any(axis=1)
    return np.where(empty, far, outside)


def _image_sizes(file: AnnotationFile) -> np.ndarray:
    """Width and height of each annotation's image, infinite if undeclared.  float64 [n, 2]"""
    sizes = [(image.width, image.height) for image in file.images]
    table = np.array([*sizes, (np.inf, np.inf)], np.float64)
    return table[rows_of_images(file)]  # an undeclared image has row -1, the last


def _cases(file: AnnotationFile, chosen: np.ndarray) -> list[str]:
    """Names for the chosen annotations: id, and file name if the image is declared."""
    rows = rows_of_images(file)[chosen]
    return [
        f"id {identity} of {file.images[row].file_name}" if row >= 0 else f"id {identity}"
        for identity, row in zip(file.annotations.ids[chosen], rows, strict=True)
    ]
