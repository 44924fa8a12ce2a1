"""Made data sets: annotations and detections of COCO's size."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

VAL2017 = "coco_val2017_boxes/annotations/instances_val2017_intboxes.json"
IMAGES, OBJECTS, CATEGORIES = 4952, 36781, 80  # of val2017, the images that have a box
DETECTIONS = 100  # per image
QUICK_IMAGES, QUICK_OBJECTS, QUICK_CATEGORIES, QUICK_DETECTIONS = 12, 60, 5, 8

POINTS = (6, 40)  # corners of a polygon, least and most; train2017's file has 448 MB
PIXELS = (96, 72)  # width, height of an image; COCO's have 640 x 480
NAMES_PER_FILE = 10_000  # file systems limit the names of one file; ext4 to 65,000

Rows = list[dict[str, Any]]


def annotated_split(data: Path, quick: bool) -> tuple[dict[str, Any], str]:
    """The content of an annotation file, and whose boxes they are: val2017's, or made ones."""
    path = data / VAL2017
    if quick:
        return made_annotations(QUICK_IMAGES, QUICK_OBJECTS, QUICK_CATEGORIES), "made boxes"
    if not path.is_file():
        made = made_annotations(IMAGES, OBJECTS, CATEGORIES)
        return made, "made boxes: COCO's are not at hand"
    return json.loads(path.read_bytes()), "the boxes of COCO's val2017"


def made_annotations(images: int, objects: int, categories: int) -> dict[str, Any]:
    """COCO annotations with `objects` boxes of all sizes, a hundredth of them crowds."""
    rng = np.random.default_rng(0)
    sides = np.exp(rng.uniform(np.log(8), np.log(400), (objects, 2)))
    low = rng.uniform(0, 1, (objects, 2)) * (640 - sides).clip(min=0)
    boxes = np.hstack([low, sides]).round(2)
    image = rng.integers(images, size=objects) + 1
    category = (rng.pareto(1.2, objects) * 3).astype(int) % categories + 1
    crowd = rng.random(objects) < 0.01
    return {
        "images": [{"id": number + 1, "width": 640, "height": 640} for number in range(images)],
        "categories": named_categories(categories),
        "annotations": [
            {
                "id": number + 1,
                "image_id": int(image[number]),
                "category_id": int(category[number]),
                "bbox": boxes[number].tolist(),
                "area": float(boxes[number, 2] * boxes[number, 3]),
                "iscrowd": int(crowd[number]),
            }
            for number in range(objects)
        ],
    }


def named_categories(count: int) -> Rows:
    """Categories with ids from 1."""
    return [{"id": number, "name": f"kind {number}"} for number in range(1, count + 1)]


def made_detections(content: dict[str, Any], per_image: int) -> Rows:
    """COCO results: `per_image` on every image, good ones near its objects and others anywhere.

    Scores have many decimals, so that they do not tie.
    """
    rng = np.random.default_rng(1)
    categories = [category["id"] for category in content["categories"]]
    results = []
    for image, rows in _by_image(content, content["annotations"]).items():
        near = [rows[number % len(rows)] for number in range(min(3 * len(rows), per_image))]
        anywhere = per_image - len(near)
        boxes = np.array([row["bbox"] for row in near], float).reshape(-1, 4)
        moved = boxes + rng.normal(0, 0.12, boxes.shape) * np.tile(boxes[:, 2:], 2)
        loose = np.hstack([rng.uniform(0, 500, (anywhere, 2)), rng.uniform(5, 200, (anywhere, 2))])
        every = np.vstack([moved, loose])
        every[:, 2:] = every[:, 2:].clip(min=1)
        kinds = [row["category_id"] for row in near] + rng.choice(categories, anywhere).tolist()
        scores = np.concatenate([rng.beta(2, 2, len(near)), rng.beta(1, 6, anywhere)])
        results += [
            {"image_id": image, "category_id": kind, "bbox": box, "score": score}
            for kind, box, score in zip(
                kinds, every.round(2).tolist(), scores.tolist(), strict=True
            )
        ]
    return results


def written_out(
    content: dict[str, Any], detections: Rows, weights: np.ndarray
) -> tuple[dict[str, Any], Rows]:
    """The split in which an image stands as often as its weight [I] says, under new ids.

    `weights` are those of the images sorted by id; the copies of an image follow each other.
    """
    objects = _by_image(content, content["annotations"])
    found = _by_image(content, detections)
    copied = np.repeat(np.sort(list(objects)), weights).tolist()
    rows = [{**row, "image_id": new + 1} for new, old in enumerate(copied) for row in objects[old]]
    return {
        "images": [{"id": new + 1, "width": 640, "height": 640} for new in range(len(copied))],
        "categories": content["categories"],
        "annotations": [{**row, "id": number + 1} for number, row in enumerate(rows)],
    }, [{**row, "image_id": new + 1} for new, old in enumerate(copied) for row in found[old]]


def _by_image(content: dict[str, Any], rows: Rows) -> dict[int, Rows]:
    """The rows of each image, by its id."""
    grouped: dict[int, Rows] = {image["id"]: [] for image in content["images"]}
    for row in rows:
        grouped[row["image_id"]].append(row)
    return grouped


def write_folder(root: Path, split: str, images: int, boxes: int) -> Path:
    """Write a split with polygons in COCO's format, small images included; its annotation file.

    Annotations come in the order that COCO keeps: none.
    """
    folder, path = root / split, root / f"{split}.json"
    folder.mkdir(parents=True)
    names = [f"{number:012}.jpg" for number in range(1, images + 1)]
    _write_images(folder, names, shade=len(split))
    width, height = PIXELS
    declared = [
        {"id": number, "file_name": name, "width": width, "height": height}
        for number, name in enumerate(names, start=1)
    ]
    named = named_categories(CATEGORIES)
    with path.open("w", encoding="utf-8") as stream:
        stream.write(f'{{"images": {json.dumps(declared)}, "categories": {json.dumps(named)}, ')
        stream.write('"annotations": [')
        for number, row in enumerate(_annotation_rows(images, boxes)):
            stream.write((", " if number else "") + json.dumps(row))
        stream.write("]}")
    return path


def _write_images(folder: Path, names: list[str], shade: int) -> None:
    """One grey picture under many names."""
    picture = np.full((PIXELS[1], PIXELS[0], 3), shade, np.uint8)
    _, encoded = cv2.imencode(".jpg", picture)
    for number, name in enumerate(names):
        if number % NAMES_PER_FILE == 0:
            original = folder / name
            original.write_bytes(encoded.tobytes())
        else:
            os.link(original, folder / name)


def _annotation_rows(images: int, boxes: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    owners = rng.integers(1, images + 1, boxes).tolist()
    kinds = rng.integers(1, CATEGORIES + 1, boxes).tolist()
    sides = rng.uniform(2, 64, (boxes, 2)).round(2)
    low = (rng.uniform(0, 1, (boxes, 2)) * (np.array(PIXELS) - sides)).round(2)
    shape = rng.uniform(0, 1, (POINTS[1], 2))  # one polygon, stretched to every box
    corners = rng.integers(POINTS[0], POINTS[1] + 1, boxes).tolist()
    for number in range(boxes):
        polygon = (low[number] + shape[: corners[number]] * sides[number]).round(2)
        yield {
            "segmentation": [polygon.ravel().tolist()],
            "area": float(sides[number].prod() / 2),
            "iscrowd": 0,
            "image_id": owners[number],
            "bbox": [*low[number].tolist(), *sides[number].tolist()],
            "category_id": kinds[number],
            "id": number + 1,
        }
