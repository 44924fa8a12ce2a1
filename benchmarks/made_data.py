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
QUICK_IMAGES, QUICK_OBJECTS, QUICK_DETECTIONS = 12, 60, 8
POINTS = (6, 40)  # corners of a polygon, least and most; train2017's file has 448 MB
CROWDS = 0.01  # of all annotations
NAMES_PER_FILE = 10_000  # file systems limit the names of one file; ext4 to 65,000

Rows = list[dict[str, Any]]


def annotated_split(data: Path, quick: bool) -> tuple[dict[str, Any], str]:
    """The content of an annotation file, and whose boxes they are: val2017's, or made ones."""
    path = data / VAL2017
    if path.is_file() and not quick:
        return json.loads(path.read_bytes()), "the boxes of COCO's val2017"
    images, objects = (QUICK_IMAGES, QUICK_OBJECTS) if quick else (IMAGES, OBJECTS)
    rows = list(annotation_rows(images, objects, 640, 480))
    return {**declarations(images, 640, 480), "annotations": rows}, "made boxes"


def declarations(images: int, width: int, height: int) -> dict[str, Rows]:
    """What an annotation file says of its images and categories."""
    return {
        "images": [
            {"id": number, "file_name": f"{number:012}.jpg", "width": width, "height": height}
            for number in range(1, images + 1)
        ],
        "categories": [
            {"id": number, "name": f"kind {number}"} for number in range(1, CATEGORIES + 1)
        ],
    }


def annotation_rows(images: int, boxes: int, width: int, height: int) -> Iterator[dict[str, Any]]:
    """Annotations with polygons, some of them crowds, in the order that COCO keeps: none."""
    rng = np.random.default_rng(0)
    owners = rng.integers(1, images + 1, boxes).tolist()
    kinds = ((rng.pareto(1.2, boxes) * 3).astype(int) % CATEGORIES + 1).tolist()
    crowds = (rng.random(boxes) < CROWDS).astype(int).tolist()
    sides = np.exp(rng.uniform(np.log(2), np.log(0.8 * height), (boxes, 2))).round(2)
    low = (rng.uniform(0, 1, (boxes, 2)) * (np.array([width, height]) - sides)).round(2)
    shape = rng.uniform(0, 1, (POINTS[1], 2))  # one polygon, stretched to every box
    corners = rng.integers(POINTS[0], POINTS[1] + 1, boxes).tolist()
    for number in range(boxes):
        polygon = (low[number] + shape[: corners[number]] * sides[number]).round(2)
        yield {
            "id": number + 1,
            "image_id": owners[number],
            "category_id": kinds[number],
            "bbox": [*low[number].tolist(), *sides[number].tolist()],
            "area": float(sides[number].prod() / 2),
            "iscrowd": crowds[number],
            "segmentation": [polygon.ravel().tolist()],
        }


def made_detections(content: dict[str, Any], per_image: int) -> Rows:
    """COCO results: `per_image` on every image, good ones near its objects and others anywhere.

    Scores have many decimals, so that they do not tie.
    """
    rng = np.random.default_rng(1)
    categories = [category["id"] for category in content["categories"]]
    objects: dict[int, Rows] = {image["id"]: [] for image in content["images"]}
    for row in content["annotations"]:
        objects[row["image_id"]].append(row)
    results = []
    for image, rows in objects.items():
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


def write_split(root: Path, name: str, images: int, boxes: int, width: int, height: int) -> Path:
    """Write `root`/`name`/ with grey images and `root`/`name`.json; returns the latter's path."""
    folder, path = root / name, root / f"{name}.json"
    folder.mkdir(parents=True)
    declared = declarations(images, width, height)
    _, encoded = cv2.imencode(".jpg", np.full((height, width, 3), len(name), np.uint8))
    for number, image in enumerate(declared["images"]):
        if number % NAMES_PER_FILE == 0:
            original = folder / image["file_name"]
            original.write_bytes(encoded.tobytes())
        else:
            os.link(original, folder / image["file_name"])
    with path.open("w", encoding="utf-8") as stream:  # row by row: all of them take gigabytes
        stream.write(json.dumps(declared)[:-1] + ', "annotations": [')
        for number, row in enumerate(annotation_rows(images, boxes, width, height)):
            stream.write((", " if number else "") + json.dumps(row))
        stream.write("]}")
    return path
