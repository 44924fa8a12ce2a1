"""`cornernet figures`: figures of this run, as SVG."""

import shutil
import tempfile
from pathlib import Path

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
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import GALLERY, Trained
from cornernet.pipeline.scoring import tested_files
from cornernet.reporting.figures.figure import Figure, evenly_spaced, write_figure
from cornernet.reporting.figures.gallery import LEAST_SCORE, MIN_SCORE, Shown, gallery_picture
from cornernet.reporting.figures.method import radii_histogram, targets_figure
from cornernet.reporting.figures.mistakes import confusion_figure
from cornernet.reporting.figures.network import corner_heatmaps, drawn_network, pooling_figure
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


def run(job: Job) -> None:
    """Draw every figure that this run has data for, and put them in place together."""
    figures, pictures = _of_tests(job)
    figures += _of_training(job)
    folder = job.paths.figures
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".figures-", dir=folder.parent) as temporary:
        made = Path(temporary) / "figures"
        for figure in figures:
            write_figure(figure, made)
        for picture in pictures:
            write_figure(picture, made / GALLERY)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    print(f"figures: {', '.join(figure.name for figure in figures)}, {len(pictures)} pictures")


def _of_tests(job: Job) -> tuple[list[Figure], list[Figure]]:
    """Figures of scores, and of what the model does that was tested first; and its gallery."""
    results = read_csv(job.paths.results, RESULT_COLUMNS)
    borrowed = [name for name, variant in job.profile.variants.items() if variant.weights_of]
    by_size = ap_by_size(results[~results["variant"].isin(borrowed)], table_context(job.profile))
    by_category, curves = {}, {}
    of_first: list[Figure] = []
    pictures: list[Figure] = []
    for test in val_tests(job):
        name, matched = test.trained.variant, evaluate_detections(*tested_files(job.graph, test))
        by_category[name] = average_precision_by_category(matched)
        curves[name] = precision_recall(matched, iou=0.5)
        if not of_first:
            of_first, pictures = _of_model(job, test.trained, matched)
    if not curves:
        return [by_size], []
    of_all = [by_size, ap_by_category(by_category), precision_recall_curves(curves)]
    return of_all + of_first, pictures


def _of_model(
    job: Job, trained: Trained, evaluated: Evaluated
) -> tuple[list[Figure], list[Figure]]:
    """What a model finds worst, what it confuses, its corner pooling; and the gallery.

    The gallery has the images with the worst mistakes, and images that a rule picked.
    """
    count, pairs = job.profile.report.examples, pair(evaluated, MIN_SCORE)
    split = load_split(job.root, job.profile.data.splits["val"], "val")
    places = {image.id: at for at, image in enumerate(split.images)}
    worst, even = worst_images(evaluated, pairs, count), evenly_spaced([*places], count)
    images = {one: _pixels(split, places[one]) for one in dict.fromkeys(worst + even)}
    params = resolve_variant(job.profile, trained.variant)
    network = drawn_network(params, job.paths.weights(trained))
    heatmaps = corner_heatmaps(network, params, images.values())
    drawn = pair(evaluated, LEAST_SCORE)
    pictures = [
        gallery_picture(
            Shown(
                name=split.images[places[image_id]].file_name,
                id=image_id,
                pixels=images[image_id],
                top_left=top_left,
                bottom_right=bottom_right,
                worst=worst.index(image_id) + 1 if image_id in worst else 0,
                even=even.index(image_id) + 1 if image_id in even else 0,
            ),
            evaluated,
            drawn,
        )
        for image_id, (top_left, bottom_right) in zip(images, heatmaps, strict=True)
    ]
    figures = [
        precision_recall_by_category(str(trained), curves_by_category(evaluated, iou=0.5)),
        confusion_figure(str(trained), confusion_matrix(evaluated, pairs), evaluated.categories),
        *_targets(job, split),
    ]
    if params.model.corner_pooling and even:
        boxes = split.boxes[places[even[0]]]
        corner = boxes.boxes[boxes.area.argmax(), :2].tolist() if len(boxes.ids) else (0.0, 0.0)
        figures.append(pooling_figure(network, params, images[even[0]], corner))
    return figures, pictures


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
