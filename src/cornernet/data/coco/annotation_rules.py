"""What the annotations of one split must satisfy, and which irregularities are only counted.

COCO has all of the latter: crowd boxes; images without boxes; boxes of zero width or height, which
training drops (annotations 918 and 2206849 of train2017); boxes that reach over the image's border,
which training clips; objects that are annotated twice.
"""

import posixpath

import numpy as np
import pandas as pd

from cornernet.data.coco.annotations import BOX, AnnotationFile
from cornernet.errors import SHOWN, Problem, first_of
from cornernet.files import leaves_folder

# Pixels. A box of zero width or height may lie outside of its image up to this distance: training
# drops it anyway. Boxes that reach over the border by more are counted.
BORDER_TOLERANCE = 2.0

# COCO's classes of size, by area in square pixels: pycocotools' Params.setDetParams.
MEDIUM_FROM, LARGE_FROM = 32.0**2, 96.0**2

SIDES = ["width", "height"]
# Annotations that have all of these in common say the same.
SAME = ["image_id", "category_id", "crowd", *BOX]


def annotation_problems(file: AnnotationFile) -> list[Problem]:
    """Every kind of problem in a file: malformed entries, ids, file names, boxes."""
    problems = list(file.problems)
    tables = {"image": file.images, "category": file.categories, "annotation": file.annotations}
    for noun, table in tables.items():
        if cases := [f"id {value}" for value in _distinct(table.id[table.id.duplicated()])]:
            problems.append(
                Problem("used more than once", "give each its own", cases, f"{noun} id")
            )
    if outside := [repr(name) for name in file.images.file_name if leaves_folder(name)]:
        remedy = "write 'file_name' relative to the split's image folder, without '..'"
        what = "a file name that leaves the image folder"
        problems.append(Problem(what, remedy, outside, "image"))
    if file.categories.empty and not file.left_out_categories:
        problems.append(Problem("no categories", "declare them under 'categories'"))
    names = file.images.drop_duplicates("id").assign(
        name=lambda images: images.file_name.map(posixpath.normpath)
    )
    remedy = "declare it once, and give its annotations that 'image_id'"
    if cases := _shared(names):
        problems.append(Problem("several image entries for one file", remedy, cases, "file"))
    if cases := _shared(file.categories.drop_duplicates("id")):
        remedy = "give each its own name, or merge them"
        problems.append(Problem("several categories of one name", remedy, cases, "name"))
    return [*problems, *_problems_of_annotations(file)]


def _shared(table: pd.DataFrame) -> list[str]:
    """Each value of `name` that several rows have, with their ids."""
    repeated = table[table.name.duplicated(keep=False)]
    ids = repeated.groupby("name", sort=False).id.agg(list)
    return [f"{name}: ids {' and '.join(map(str, found[:SHOWN]))}" for name, found in ids.items()]


def count_irregularities(file: AnnotationFile) -> dict[str, int]:
    """How often the file has each irregularity that is let through; see this module's docstring."""
    annotations, (low, high, size) = file.annotations, _corners(file, _images_of(file))
    beyond = np.max([-low, high - size], axis=(0, 2), initial=0)
    return {
        "crowd_boxes": int(annotations.crowd.sum()),
        "images_without_boxes": len(file.images) - annotations.image_id.nunique(),
        "boxes_given_twice": int(annotations.duplicated(SAME).sum()),
        "boxes_of_zero_width_or_height": int((annotations[SIDES] == 0).any(axis=1).sum()),
        "boxes_over_the_border": int((beyond > 0).sum()),
        "boxes_over_the_border_by_more_than_2_pixels": int((beyond > BORDER_TOLERANCE).sum()),
    }


def annotation_remarks(file: AnnotationFile) -> list[Problem]:
    """What is let through, though a user should know of it."""
    annotations, remarks = file.annotations, []
    if cases := [f"id {value}" for value in annotations.id[annotations.duplicated(SAME)]]:
        remedy = "drop one of the two: a detector finds it once"
        remarks.append(Problem("a box that is given twice", remedy, cases))
    if (annotations.id == 0).any():
        remedy = "`cornernet evaluate` numbers them again; begin at 1 to score with it yourself"
        remarks.append(Problem("pycocotools takes an annotation of id 0 for none", remedy))
    return remarks


def size_classes(annotations: pd.DataFrame) -> dict[str, int]:
    """The number of boxes that are not crowds, by COCO's classes of area."""
    area = annotations.area[~annotations.crowd]
    small = int((area < MEDIUM_FROM).sum())
    large = int((area >= LARGE_FROM).sum())
    return {"small": small, "medium": len(area) - small - large, "large": large}


def _problems_of_annotations(file: AnnotationFile) -> list[Problem]:
    """What is wrong with annotations, kind by kind: with their references, then their boxes."""
    annotations, images, problems = file.annotations, _images_of(file), []

    def tell(wrong: pd.Series, what: str, remedy: str) -> None:
        if wrong.any():
            rows = annotations.assign(file_name=images.file_name)[wrong]
            cases = [
                f"id {row.id}{f' of {row.file_name}' if isinstance(row.file_name, str) else ''}: "
                f"{row.x:g} {row.y:g} {row.width:g} {row.height:g}"
                for row in rows.itertuples()
            ]
            problems.append(Problem(what, remedy, cases))

    unknown = _undeclared(annotations.category_id, file.categories, file.left_out_categories)
    ids = first_of(_distinct(annotations.category_id[unknown]))
    tell(unknown, "undeclared category", f"declare the category (ids: {ids}) under 'categories'")
    lost = _undeclared(annotations.image_id, file.images, file.left_out_images)
    ids = first_of(_distinct(annotations.image_id[lost]))
    remedy = f"declare the image (ids: {ids}) under 'images', or drop the annotations"
    tell(lost, "undeclared image", remedy)
    finite = np.isfinite(annotations[BOX]).all(axis=1)
    remedy = "write x, y, width, height as finite numbers"
    tell(~finite, "a box that is NaN or infinite", remedy)
    negative = finite & (annotations[SIDES] < 0).any(axis=1)
    remedy = "write 'bbox' as x, y, width, height, not as two corners"
    tell(negative, "a box of negative width or height", remedy)
    outside = finite & ~negative & _wholly_outside(file, images)
    remedy = "check 'bbox' (x, y, width, height in pixels) against 'width' and 'height'"
    tell(outside, "a box wholly outside of its image", remedy)
    sized = finite & (annotations[SIDES] > 0).all(axis=1)
    if (annotations[SIDES][sized] <= 1).all(axis=None):
        remedy = "write x, y, width, height in pixels"
        tell(sized, "every box is under a pixel: are these fractions of the image?", remedy)
    elif not problems:
        inside, beyond = _read_as_corners(file, images)
        if inside[sized].all() and 2 * beyond.sum() > sized.sum():
            remedy = "write 'bbox' as x, y, width, height"
            what = "a box over the border, while all are inside if they are corners x1, y1, x2, y2"
            tell(beyond, what, remedy)
    return problems


def _undeclared(ids: pd.Series, table: pd.DataFrame, left_out: set[int | None]) -> pd.Series:
    """Which of the ids no entry has; none where a malformed entry or an empty list explains it."""
    explained = None in left_out or (table.empty and not left_out)
    return ~(ids.isin(table.id) | ids.isin(left_out) | explained)


def _read_as_corners(file: AnnotationFile, images: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Of each box: whether it lies in its image if it is two corners, and over the border if not.

    Of boxes that are corners, about three in four reach over the border if read as sizes: all but
    those whose centre is left of the image's middle, and above it.
    """
    low, high, size = _corners(file, images)
    second = high - low
    inside = ((second > low) & (second <= size + BORDER_TOLERANCE)).all(axis=1)
    return pd.Series(inside), pd.Series((high > size + BORDER_TOLERANCE).any(axis=1))


def _wholly_outside(file: AnnotationFile, images: pd.DataFrame) -> np.ndarray:
    """Whether a box has no pixel in common with its image.  bool [n]"""
    low, high, size = _corners(file, images)
    outside = ((low >= size) | (high <= 0)).any(axis=1)
    far = ((low > size + BORDER_TOLERANCE) | (high < -BORDER_TOLERANCE)).any(axis=1)
    return np.where((low == high).any(axis=1), far, outside)


def _images_of(file: AnnotationFile) -> pd.DataFrame:
    """The image of each annotation, NaN where it is not declared: file_name, width, height."""
    images = file.images.drop_duplicates("id").set_index("id")
    return images.reindex(file.annotations.image_id).reset_index(drop=True)


def _corners(
    file: AnnotationFile, images: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners of the boxes, and the size of each one's image or infinity.  3 x float64 [n, 2]"""
    low = file.annotations[["x", "y"]].to_numpy()
    high = low + file.annotations[SIDES].to_numpy()
    return low, high, images[SIDES].fillna(np.inf).to_numpy(np.float64)


def _distinct(ids: pd.Series) -> list[str]:
    return np.unique(ids).astype(str).tolist()
