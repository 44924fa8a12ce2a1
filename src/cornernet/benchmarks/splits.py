"""An annotated split of COCO's size, and detections on it, to measure the evaluation with."""

import json
from pathlib import Path
from typing import Any

import numpy as np

VAL2017 = "coco_val2017_boxes/annotations/instances_val2017_intboxes.json"
IMAGES, OBJECTS, CATEGORIES = 4952, 36781, 80  # of val2017, the images that have a box
DETECTIONS = 100  # on each image
QUICK_IMAGES, QUICK_DETECTIONS = 12, 8


def annotations(data: Path, quick: bool) -> tuple[dict[str, Any], str]:
    """The content of an annotation file, and whose boxes they are: val2017's, or made ones."""
    path = data / VAL2017
    if quick or not path.is_file():
        made = made_annotations(
            *((QUICK_IMAGES, 60, 5) if quick else (IMAGES, OBJECTS, CATEGORIES))
        )
        return made, "made boxes" if quick else "made boxes: COCO's are not at hand"
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
        "categories": [
            {"id": number + 1, "name": f"kind {number}"} for number in range(categories)
        ],
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


def made_detections(content: dict[str, Any], an_image: int) -> list[dict[str, Any]]:
    """COCO results: `an_image` on every image, good ones near its objects and others anywhere.

    Scores have many decimals, so that they do not tie.
    """
    rng = np.random.default_rng(1)
    categories = [category["id"] for category in content["categories"]]
    objects: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for row in content["annotations"]:
        objects[row["image_id"]].append(row)
    results = []
    for image, rows in objects.items():
        near = [rows[number % len(rows)] for number in range(min(3 * len(rows), an_image))]
        anywhere = an_image - len(near)
        boxes = np.array([row["bbox"] for row in near], float).reshape(-1, 4)
        moved = boxes + rng.normal(0, 0.12, boxes.shape) * np.tile(boxes[:, 2:], 2)
        loose = np.hstack([rng.uniform(0, 500, (anywhere, 2)), rng.uniform(5, 200, (anywhere, 2))])
        every = np.vstack([moved, loose])
        every[:, 2:] = every[:, 2:].clip(min=1)
        kinds = [row["category_id"] for row in near]
        kinds += rng.choice(categories, anywhere).tolist()
        scores = np.concatenate([rng.beta(2, 2, len(near)), rng.beta(1, 6, anywhere)])
        results += [
            {"image_id": image, "category_id": kind, "bbox": box, "score": score}
            for kind, box, score in zip(
                kinds, every.round(2).tolist(), scores.tolist(), strict=True
            )
        ]
    return results


def written_out(
    content: dict[str, Any], detections: list[dict[str, Any]], weights: np.ndarray
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The split in which an image stands as often as its weight [I] says, under new ids.

    `weights` are those of the images sorted by id; the copies of an image follow each other.
    """
    objects: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    found: dict[int, list[dict[str, Any]]] = {image: [] for image in objects}
    for row in content["annotations"]:
        objects[row["image_id"]].append(row)
    for row in detections:
        found[row["image_id"]].append(row)
    copied = np.repeat(np.sort(list(objects)), weights).tolist()
    rows = [{**row, "image_id": new + 1} for new, old in enumerate(copied) for row in objects[old]]
    return {
        "images": [{"id": new + 1, "width": 640, "height": 640} for new in range(len(copied))],
        "categories": content["categories"],
        "annotations": [{**row, "id": number + 1} for number, row in enumerate(rows)],
    }, [{**row, "image_id": new + 1} for new, old in enumerate(copied) for row in found[old]]
