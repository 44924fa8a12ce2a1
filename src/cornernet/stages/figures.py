"""`cornernet figures`: figures of this run, as SVG."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cornernet.config import resolve_variant
from cornernet.data.coco.images import read_image
from cornernet.data.coco.split import CocoSplit, load_split
from cornernet.evaluation.coco_metrics import (
    Evaluated,
    average_precision_by_category,
    curves_by_category,
    evaluate_detections,
    precision_recall,
)
from cornernet.evaluation.errors.confusion import confusion_matrix, pair, worst_images
from cornernet.evaluation.metric_names import category_labels
from cornernet.pipeline.job import Job
from cornernet.pipeline.scoring import tested_files
from cornernet.reporting.figures.examples import (
    MIN_SCORE,
    Example,
    detections_figure,
    evenly_spaced,
)
from cornernet.reporting.figures.figure import Figure, write_figure
from cornernet.reporting.figures.method import radii_histogram, targets_figure
from cornernet.reporting.figures.mistakes import confusion_figure, worst_figure
from cornernet.reporting.figures.network import network_figures
from cornernet.reporting.figures.scores import (
    ap_by_category,
    ap_by_size,
    precision_recall_by_category,
    precision_recall_curves,
)
from cornernet.reporting.figures.training import training_curves
from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv
from cornernet.stages.tables import table_context, val_tests
from cornernet.training.history import read_history

PICKED = "Images evenly spaced over the sorted ids of val, so that nobody chose them."


def run(job: Job) -> None:
    """Draw every figure that this run has data for, and put them in place together."""
    figures = [*_of_scores(job), *_of_training(job), *_of_examples(job)]
    folder = job.paths.figures
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".figures-", dir=folder.parent) as temporary:
        made = Path(temporary) / "figures"
        for figure in figures:
            write_figure(figure, made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    print(f"figures: {', '.join(figure.name for figure in figures)}")


def _of_scores(job: Job) -> list[Figure]:
    """AP by size and by category, precision and recall, and what the first model does wrong."""
    results = read_csv(job.paths.results, RESULT_COLUMNS)
    borrowed = [name for name, variant in job.profile.variants.items() if variant.weights_of]
    by_size = ap_by_size(results[~results["variant"].isin(borrowed)], table_context(job.profile))
    by_category, curves = {}, {}
    mistakes: list[Figure] = []
    for test in val_tests(job):
        name, matched = test.trained.variant, evaluate_detections(*tested_files(job.graph, test))
        by_category[name] = average_precision_by_category(matched)
        curves[f"{name}, IoU 0.5"] = precision_recall(matched, iou=0.5)
        mistakes = mistakes or _of_mistakes(job, str(test.trained), matched)
    if not curves:
        return [by_size]
    return [by_size, ap_by_category(by_category), precision_recall_curves(curves), *mistakes]


def _of_mistakes(job: Job, model: str, evaluated: Evaluated) -> list[Figure]:
    """Which categories a model finds worst, which it confuses, and its worst images."""
    split = load_split(job.root, job.profile.data.splits["val"], "val")
    pairs = pair(evaluated, MIN_SCORE)
    places = {image.id: at for at, image in enumerate(split.images)}
    worst = worst_images(evaluated, pairs, job.profile.report.examples)
    images = {
        image_id: (split.images[places[image_id]].file_name, _pixels(split, places[image_id]))
        for image_id in worst
    }
    return [
        precision_recall_by_category(model, curves_by_category(evaluated, iou=0.5)),
        confusion_figure(model, confusion_matrix(evaluated, pairs), evaluated.categories),
        worst_figure(model, evaluated, pairs, images),
    ]


def _of_training(job: Job) -> list[Figure]:
    """Losses by iteration, and the radii that the targets were drawn with."""
    graph = job.graph
    histories = {str(model): read_history(job.paths.history(model)) for model in graph.trained}
    parents = {str(model): graph.parent(model) for model in graph.trained}
    continued = {name: str(parent) for name, parent in parents.items() if parent}
    radii = pd.read_parquet(job.paths.radii)
    radii = radii[radii["split"] == "train"]
    size = job.profile.augmentation.input_size
    cells = (size + 1) // 4 / size  # of the heatmap, per pixel of the input
    rules = {"exact": "radius_exact", "pre-fix roots": "radius_pre_fix"}
    histogram = radii_histogram({k: radii[name].to_numpy() * cells for k, name in rules.items()})
    return [training_curves(histories, continued), histogram] if histories else [histogram]


def _of_examples(job: Job) -> list[Figure]:
    """Detections on images that a rule picked, and the targets of one (Fig. 5)."""
    tests = val_tests(job)
    if not tests:
        return []
    trained = tests[0].trained
    split = load_split(job.root, job.profile.data.splits["val"], "val")
    detections = json.loads(job.paths.detections(tests[0]).read_text())
    picked = evenly_spaced([image.id for image in split.images], job.profile.report.examples)
    examples = [_example(split, image_id, detections) for image_id in picked]
    variant = resolve_variant(job.profile, trained.variant)
    return [
        detections_figure(examples, PICKED, title=f"Detections of {trained}"),
        *network_figures(variant, job.paths.weights(trained), examples, PICKED),
        *_targets(job, split),
    ]


def _example(split: CocoSplit, image_id: int, detections: list[dict[str, Any]]) -> Example:
    rows = [row for row in detections if row["image_id"] == image_id]
    at = [image.id for image in split.images].index(image_id)
    shown = category_labels(split.category_names, split.category_ids)
    names = dict(zip(split.category_ids, shown, strict=True))
    boxes = np.array([row["bbox"] for row in rows], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return Example(
        name=split.images[at].file_name,
        image=_pixels(split, at),
        truth=split.boxes[at].boxes,
        boxes=boxes,
        labels=[names[row["category_id"]] for row in rows],
        scores=np.array([row["score"] for row in rows], float),
    )


def _targets(job: Job, split: CocoSplit) -> list[Figure]:
    """The radii of the val image that has the largest box of all images with two to four."""
    targets, radii = job.profile.targets, pd.read_parquet(job.paths.radii)
    by_id = radii[radii["split"] == "val"].set_index("annotation_id")
    candidates = [at for at, boxes in enumerate(split.boxes) if 2 <= len(boxes.ids) <= 4]
    if not candidates:
        return []
    at = max(candidates, key=lambda at: split.boxes[at].area.max())
    boxes = split.boxes[at]
    shown = by_id.loc[boxes.ids.tolist(), f"radius_{targets.radius_roots}"].to_numpy()
    pixels = _pixels(split, at)[:, :, ::-1]  # to RGB
    return [targets_figure(pixels, boxes.boxes, shown, targets.min_iou)]


def _pixels(split: CocoSplit, at: int) -> np.ndarray:
    image = split.images[at]
    return read_image(split.folder / image.file_name, image.width, image.height)
