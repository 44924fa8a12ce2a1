"""Generates the embedded data set: shapes on clutter, in COCO's format on disk.

The same seed gives the same bytes on every machine: images are drawn in integers and written
uncompressed, and each image has a random stream of its own, so that asking for more images changes
none of the earlier ones.
"""

import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cornernet.config.schema import Shapes, Split, SplitFiles
from cornernet.data.shapes.layout import PlacedObject, place_objects
from cornernet.data.shapes.render import (
    CATEGORIES,
    PortableRandom,
    bmp,
    draw_background,
    draw_object,
    shape_mask,
)
from cornernet.errors import BadInput
from cornernet.files import leaves_folder

# Numbers of the splits in the seeds and ids; a new split gets a new one.
SPLIT_NUMBERS = {"train": 1, "val": 2, "test_dev": 3}
IDS_OF_A_SPLIT = 1_000_000  # ids of different splits do not meet
ANNOTATOR = 1  # key of a random stream of its own: errors of annotation change no image

MARKER = "shapes.json"  # says that a folder was generated here, and may be replaced


def generate_shapes(root: Path, splits: Mapping[Split, SplitFiles], params: Shapes) -> None:
    """Generate the data set into the folder `root`, all of it or nothing.

    It is made in a folder beside `root` that is then renamed; a set generated earlier is
    replaced. Test-dev's annotations go to `params.answers`, its own file has images alone. Boxes
    are whole pixels: x, y of the first drawn pixel, width and height in pixels, each side off by up
    to `params.annotation_error`. `area` is width x height, so that COCO's classes of size go by the
    box. Raises BadInput if `root` holds something else, if a path leaves it, or if params cannot be
    satisfied.
    """
    _check(root, splits, params)
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as work:
        made = Path(work) / "made"
        made.mkdir()
        for name, files in splits.items():
            _generate_split(made, name, files, params)
        _write_json(made / MARKER, dataclasses.asdict(params))
        if root.exists():
            os.replace(root, Path(work) / "replaced")
        os.replace(made, root)


def _check(root: Path, splits: Mapping[Split, SplitFiles], params: Shapes) -> None:
    problems = [
        f"params data.shapes.images: gives no number for split {name}"
        for name in splits
        if name not in params.images
    ]
    paths = {path for files in splits.values() for path in (files.images, files.annotations)}
    for path in sorted(filter(leaves_folder, paths | {params.answers})):
        problems.append(f"params data: {path!r} must lie below data.root, without '..'")
    empty = root.is_dir() and not any(root.iterdir())
    if root.exists() and not (root / MARKER).is_file() and not empty:
        problems.append(
            f"{root}: is there already and holds something that was not generated; move it away, "
            "or set data.root to another folder"
        )
    if problems:
        raise BadInput(problems)


def _generate_split(root: Path, name: Split, files: SplitFiles, params: Shapes) -> None:
    folder = root / files.images
    folder.mkdir(parents=True, exist_ok=True)
    number = SPLIT_NUMBERS[name]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(params.images[name]):
        pixels, objects = draw_image(number, index, params)
        image_id = number * IDS_OF_A_SPLIT + index + 1
        file_name = f"{name}_{index:06d}.bmp"
        (folder / file_name).write_bytes(bmp(pixels))
        height, width, _ = pixels.shape
        images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        draws = PortableRandom(params.seed, number, index, ANNOTATOR)
        for placed in objects:
            boxed = annotated(placed, (width, height), draws, params.annotation_error)
            annotation = {"id": len(annotations) + 1, "image_id": image_id, "iscrowd": 0}
            annotations.append(annotation | _coco_box(boxed))
    categories = [
        {"id": i, "name": category, "supercategory": "shape"}
        for i, category in enumerate(CATEGORIES, start=1)
    ]
    info = {"description": f"shapes on clutter, split {name}, seed {params.seed}"}
    tree = {"info": info, "licenses": [], "images": images, "categories": categories}
    answers = root / (params.answers if name == "test_dev" else files.annotations)
    _write_json(root / files.annotations, tree)
    _write_json(answers, {**tree, "annotations": annotations})


def draw_image(split: int, index: int, params: Shapes) -> tuple[np.ndarray, list[PlacedObject]]:
    """Image `index` of a split (by its number) and its objects, later ones drawn over earlier.

    Returns the pixels, int32 [H, W, 3] BGR from 0 to 255, and the objects with their tight boxes.
    """
    draws = PortableRandom(params.seed, split, index)
    size = draws.integer(*params.image_size), draws.integer(*params.image_size)
    pixels, background = draw_background(draws, *size)
    objects = []
    for placed in place_objects(draws, *size, params):
        category = CATEGORIES[placed.category]
        mask = shape_mask(category, placed.width, placed.height, placed.thickness)
        pixels = draw_object(draws, pixels, mask, placed.x, placed.y, background)
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))  # of the drawn pixels
        x, y = placed.x + x, placed.y + y
        objects.append(dataclasses.replace(placed, x=x, y=y, width=width, height=height))
    return pixels, objects


def annotated(
    placed: PlacedObject, size: tuple[int, int], draws: PortableRandom, percent: int
) -> PlacedObject:
    """The object with a box as an annotator draws it: each of its sides a little off, as in COCO.

    If boxes were exact, the cells beside a corner would all be wrong, and reducing their penalty
    (section 3.2) could gain nothing. Every side is off by up to `percent` of the box's width or
    height, all amounts equally likely, but stays within the image's `size` (width, height).
    """

    def off(length: int) -> int:
        """Whole pixels, rounded to the nearest; a thousandth of a percent is 10^-5."""
        return (draws.integer(-1000, 1000) * percent * length + 50_000) // 100_000

    left, right = off(placed.width), off(placed.width)
    top, bottom = off(placed.height), off(placed.height)
    x1, y1 = max(placed.x + left, 0), max(placed.y + top, 0)
    x2 = min(placed.x + placed.width + right, size[0])
    y2 = min(placed.y + placed.height + bottom, size[1])
    return dataclasses.replace(placed, x=x1, y=y1, width=x2 - x1, height=y2 - y1)


def _coco_box(placed: PlacedObject) -> dict[str, Any]:
    box = (placed.x, placed.y, placed.width, placed.height)
    area = float(placed.width * placed.height)
    return {"category_id": placed.category + 1, "bbox": [*map(float, box)], "area": area}


def _write_json(path: Path, tree: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree, sort_keys=True), encoding="utf-8", newline="\n")
