"""Figures of what goes wrong: the confusion matrix, and the images with the worst mistakes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas

from cornernet.data.coco.annotations import BOX
from cornernet.evaluation.coco_metrics import Evaluated
from cornernet.evaluation.errors.confusion import Pairs, wrong
from cornernet.reporting.figures.examples import MIN_SCORE, picture, pictures_figure
from cornernet.reporting.figures.figure import GREY, PALETTE, Figure, draw, in_lines

RIGHT, WRONG = PALETTE[2], PALETTE[1]
COUNTED = 20  # categories at most whose cells carry their counts
Labelled = tuple[list[float], str, str]  # a box as x1, y1, x2, y2, its colour, its label


def confusion_figure(model: str, matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Counts [C + 1, C + 1] of annotated by detected category, coloured by their share of a row.

    The last row and column stand for nothing: no object, no detection.
    """
    labels = [f"{number} {in_lines(name)}" for number, name in enumerate(names, start=1)]
    lines = max((label.count("\n") + 1 for label in labels), default=1)
    cell = max(0.16 * lines, 0.42 if len(names) <= COUNTED else 0.16)  # inches
    totals = matrix.sum(axis=1, keepdims=True)
    share = matrix / np.maximum(totals, 1)

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        ticks = range(len(matrix))
        small: dict[str, Any] = {} if len(names) <= COUNTED else {"fontsize": 5}
        axes.set_xticks(ticks, [*map(str, range(1, len(matrix))), "none"], **small)
        axes.set_yticks(ticks, [*labels, "no object"])
        axes.set(xlabel="detected category", ylabel="annotated category")
        axes.grid(visible=False)
        if len(names) <= COUNTED:
            for (row, column), count in np.ndenumerate(matrix):
                colour = "white" if share[row, column] > 0.5 else "black"
                if count:
                    axes.text(
                        column, row, str(count), color=colour, ha="center", va="center", size=7
                    )

    side = 0.9 + cell * len(matrix)
    caption = (
        f"{model} on val, detections with a score of at least {MIN_SCORE:g} at IoU 0.5: how many "
        "objects of each category (rows) were found as which (columns, by number). Last column: "
        "objects that were not found; last row: detections where no object is. The darker, the "
        "larger a part of its row."
    )
    title, size = "Which category is taken for which", (side + 3, side)
    return draw("confusion", title, caption, size, paint, any_script=True)


def worst_figure(
    model: str,
    evaluated: Evaluated,
    pairs: Pairs,
    images: Mapping[int, tuple[str, np.ndarray]],
) -> Figure:
    """Images, by id with file name and pixels (BGR): annotations left, detections right."""
    pictures = []
    for image_id, (name, pixels) in images.items():
        annotated = _annotated(evaluated, pairs, image_id)
        detected = _detected(evaluated, pairs, image_id)
        pictures.append(picture(f"{name}: annotated", pixels, annotated))
        pictures.append(picture(f"{name}: detected", pixels, detected))
    caption = (
        f"{model} on val, detections with a score of at least {MIN_SCORE:g}. The images in which "
        "the wrong detections, each weighed by its score, and the missed objects add up to most. "
        "Left: annotations, green where found. Right: detections, green where right, else with "
        "what is there."
    )
    return pictures_figure("worst_images", "The worst mistakes", caption, pictures)


def _annotated(evaluated: Evaluated, pairs: Pairs, image_id: int) -> list[Labelled]:
    """The annotations of an image."""
    objects, named = evaluated.objects, _names(evaluated)
    boxes, labelled = _corners(objects[BOX].to_numpy()), []
    detected = evaluated.results.category_id[pairs.detection].tolist()
    found = dict(zip(pairs.object.tolist(), detected, strict=True))
    for row in np.flatnonzero(objects.image_id == image_id).tolist():
        category = int(objects.category_id.iloc[row])
        colour, note = RIGHT, ""
        if objects.crowd.iloc[row]:
            colour, note = GREY, ", crowd"
        elif row not in found:
            colour, note = WRONG, ", missed"
        elif found[row] != category:
            colour, note = WRONG, f", found as {named[found[row]]}"
        labelled.append((boxes[row].tolist(), colour, named[category] + note))
    return labelled


def _detected(evaluated: Evaluated, pairs: Pairs, image_id: int) -> list[Labelled]:
    """The detections of an image, the surest last, which is on top."""
    results, named, labelled = evaluated.results, _names(evaluated), []
    boxes, mistaken = _corners(results.boxes), wrong(evaluated, pairs)
    here = np.flatnonzero(results.image_id[pairs.detection] == image_id)
    for at in here[np.argsort(results.score[pairs.detection[here]], kind="stable")].tolist():
        row, object_ = pairs.detection[at], pairs.object[at]
        label = f"{named[int(results.category_id[row])]} {results.score[row]:.2f}"
        if mistaken[at]:
            there = "no object"
            if object_ >= 0:
                there = f"is {named[int(evaluated.objects.category_id.iloc[object_])]}"
            label = f"{label}, {there}"
        labelled.append((boxes[row].tolist(), WRONG if mistaken[at] else RIGHT, label))
    return labelled


def _names(evaluated: Evaluated) -> dict[int, str]:
    return dict(zip(evaluated.category_ids.tolist(), evaluated.categories, strict=True))


def _corners(boxes: np.ndarray) -> np.ndarray:
    """x, y, width, height [n, 4] as x1, y1, x2, y2."""
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
