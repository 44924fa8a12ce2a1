"""Made splits, and the COCO API's own verdict on them."""

import contextlib
import copy
import io
import json
import tempfile
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.evaluation.metric_names import COCO_METRICS, METRICS


def evaluated(content, results):
    """`evaluate_detections`, with the annotations written to a file first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        path.write_text(json.dumps(content))
        return evaluate_detections(path, results)


def assert_equal_metrics(found, expected):
    """Compare metrics in percent with `coco_metrics`; None or NaN is undefined."""
    for name, value in zip(METRICS, found, strict=True):
        if expected[name] is None:
            assert value is None or np.isnan(value), name
        else:
            assert abs(value / 100 - expected[name]) <= 1e-12, name


def random_split(seed, images=6, categories=4, decimals=1, crowded=True, overfull=True):
    """COCO annotations and results that hold every difficulty: ties, crowds, areas at the bounds,
    perfect boxes, boxes at exact IoUs, ids out of order, categories and images without objects."""
    rng = np.random.default_rng(seed)
    image_ids = rng.choice(10_000, images, replace=False) + 1
    category_ids = rng.choice(90, categories, replace=False) + 1
    annotations, results = [], []
    for image in image_ids.tolist():
        for _ in range(rng.integers(0, 9)):
            annotations.append(_object(rng, image, category_ids[:-1], crowded))
        mine = [row for row in annotations if row["image_id"] == image]
        for row in mine:
            for _ in range(rng.integers(0, 4)):
                results.append(_detection(rng, row, category_ids, decimals))
        for _ in range(rng.integers(0, 6)):  # boxes anywhere
            anywhere = _object(rng, image, category_ids, crowded=False)
            results.append(_detection(rng, anywhere, category_ids, decimals))
    for row in annotations[:overfull]:  # more than a hundred of one category in one image
        crowd_of_boxes = [_detection(rng, row, [row["category_id"]], decimals) for _ in range(130)]
        results += [{**box, "bbox": [*box["bbox"][:2], 9.0, 9.0]} for box in crowd_of_boxes[:-10]]
        results += [{**box, "score": 0.0} for box in crowd_of_boxes[-10:]]  # come too late
    for index, row in enumerate(rng.permutation(len(annotations)).tolist()):
        annotations[row]["id"] = index + 1
    content = {
        "images": [
            {"id": image, "file_name": f"{image}.jpg", "width": 640, "height": 480}
            for image in image_ids.tolist()
        ],
        "categories": [{"id": int(c), "name": f"kind {c}"} for c in category_ids],
        "annotations": annotations,
    }
    return content, results


def _object(rng, image, category_ids, crowded):
    side = rng.choice([3, 20, 32, 50, 96, 150])
    box = [*rng.integers(0, 200, 2).tolist(), float(side), float(rng.choice([side, 2 * side]))]
    area = box[2] * box[3] * rng.choice([1.0, 0.6])
    return {
        "image_id": image,
        "category_id": int(rng.choice(category_ids)),
        "bbox": box,
        "area": float(area),
        "iscrowd": int(crowded and rng.random() < 0.15),
    }


def _detection(rng, row, category_ids, decimals):
    x, y, width, height = row["bbox"]
    kind = rng.integers(4)
    if kind == 1:  # an IoU at or near a threshold
        width *= rng.choice([0.5, 0.75, 0.9, 0.95])
    elif kind == 2:
        x, y = x + rng.normal(0, 0.1 * width), y + rng.normal(0, 0.1 * height)
    elif kind == 3:
        width, height = width * rng.uniform(0.6, 1.5), height * rng.uniform(0.6, 1.5)
    wrong = rng.random() < 0.1
    return {
        "image_id": row["image_id"],
        "category_id": int(rng.choice(category_ids)) if wrong else row["category_id"],
        "bbox": [float(x), float(y), float(width), float(height)],
        "score": float(np.round(rng.random(), decimals)),
    }


def coco_evaluation(content, results):
    """The COCO API's evaluation object, and what its summary prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = copy.deepcopy(content)
        ground_truth.createIndex()
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(copy.deepcopy(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        with contextlib.redirect_stdout(printed):
            evaluation.summarize()
    return evaluation, printed.getvalue()


def coco_metrics(content, results):
    """The sixteen metrics as fractions by the COCO API; None where it has -1."""
    evaluation, _ = coco_evaluation(content, results)
    values = dict(zip(COCO_METRICS, evaluation.stats.tolist(), strict=True))
    for step, name in ((2, "AP60"), (4, "AP70"), (6, "AP80"), (8, "AP90")):
        precision = evaluation.eval["precision"][step, :, :, 0, 2]
        known = precision[precision > -1]
        values[name] = float(known.mean()) if len(known) else -1
    return {name: None if value == -1 else value for name, value in values.items()}
