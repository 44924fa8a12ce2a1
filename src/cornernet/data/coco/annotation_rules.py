"""What the annotations of one split must satisfy, and which irregularities are only counted.

COCO has all of the latter: crowd boxes; images without boxes; boxes of zero width or height, which
training drops (annotations 918 and 2206849 of train2017); boxes that reach over the image's border,
which training clips.
"""

import re
from collections.abc import Iterator

import numpy as np

from cornernet.data.coco.annotations import AnnotationColumns, AnnotationFile, positions
from cornernet.data.coco.problems import Problem, first_of

# Pixels. A box of zero width or height may lie outside of its image up to this distance: training
# drops it anyway. Boxes that reach over the border by more are counted.
BORDER_TOLERANCE = 2.0

# COCO's classes of size, by area in square pixels: pycocotools' Params.setDetParams.
MEDIUM_FROM, LARGE_FROM = 32.0**2, 96.0**2


def annotation_problems(file: AnnotationFile) -> list[Problem]:
    """Every kind of problem in a file: malformed entries, ids, file names, boxes."""
    problems = [*file.problems, *_id_problems(file)]
    outside = [repr(one.file_name) for one in file.images if leaves_folder(one.file_name)]
    if outside:
        remedy = "write 'file_name' relative to the split's image folder, without '..'"
        problems.append(
            Problem("a file name that leaves the image folder", remedy, outside, "image")
        )
    if not file.categories:
        problems.append(Problem("no categories", "declare them under 'categories'"))
    return problems + _problems_of_annotations(file)


def leaves_folder(file_name: str) -> bool:
    """Whether a path may point elsewhere than into the folder it is joined to, on any system."""
    parts = re.split(r"[/\\]", file_name)
    drive = parts[0][1:2] == ":"
    return not {*parts} - {"", "."} or parts[0] == "" or ".." in parts or drive or "\0" in file_name


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
    columns = (file.image_ids, file.category_ids, file.annotations.ids)
    for noun, ids in zip(("image", "category", "annotation"), columns, strict=True):
        values, number = np.unique(ids, return_counts=True)
        cases = [f"id {value}" for value in values[number > 1]]
        if cases:
            yield Problem("used more than once", "give each its own", cases, f"{noun} id")


def _problems_of_annotations(file: AnnotationFile) -> list[Problem]:
    """What is wrong with annotations, kind by kind: with their references, then their boxes."""
    annotations, xywh, problems = file.annotations, file.annotations.xywh, []

    def tell(chosen: np.ndarray, what: str, remedy: str) -> None:
        if chosen.any():
            problems.append(Problem(what, remedy, _cases(file, chosen)))

    unknown = positions(file.category_ids, annotations.category_ids) < 0
    ids = first_of(np.unique(annotations.category_ids[unknown]).astype(str).tolist())
    tell(unknown, "undeclared category", f"declare the category (ids: {ids}) under 'categories'")
    lost = file.image_rows < 0
    ids = first_of(np.unique(annotations.image_ids[lost]).astype(str).tolist())
    remedy = f"declare the image (ids: {ids}) under 'images', or drop the annotations"
    tell(lost, "undeclared image", remedy)
    finite = np.isfinite(xywh).all(axis=1)
    remedy = "write x, y, width, height as finite numbers"
    tell(~finite, "a box that is NaN or infinite", remedy)
    negative = finite & (xywh[:, 2:] < 0).any(axis=1)
    remedy = "write 'bbox' as x, y, width, height, not as two corners"
    tell(negative, "a box of negative width or height", remedy)
    outside = finite & ~negative & _wholly_outside(file)
    remedy = "check 'bbox' (x, y, width, height in pixels) against 'width' and 'height'"
    tell(outside, "a box wholly outside of its image", remedy)
    return problems


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
    return table[file.image_rows]  # an undeclared image has row -1, the last


def _cases(file: AnnotationFile, chosen: np.ndarray) -> list[str]:
    """Names for the chosen annotations: id, and file name if the image is declared."""
    rows = file.image_rows[chosen]
    return [
        f"id {identity} of {file.images[row].file_name}" if row >= 0 else f"id {identity}"
        for identity, row in zip(file.annotations.ids[chosen], rows, strict=True)
    ]
