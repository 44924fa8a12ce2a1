"""The gallery: images with annotations, detections and both corner heatmaps (Figs. 1 and 8).

Each picture is an SVG file of its own. The page shows it with switches: what can be switched on and
off has a class (`pixels`, `heat`, `truth`, `found`), and boxes carry the score that they hang on.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from cornernet.data.coco.annotations import BOX
from cornernet.evaluation.coco_metrics import Evaluated
from cornernet.evaluation.errors.confusion import Pairs, wrong
from cornernet.evaluation.metric_names import printable
from cornernet.reporting.figures.figure import PALETTE, Figure, captioned, image_address
from cornernet.reporting.rendering import render

MIN_SCORE = 0.3  # of the detections that are shown at first, and that count as mistakes
LEAST_SCORE = 0.1  # of those that a picture holds
LARGEST_SIDE = 640  # of an image, in pixels: bounds the page's size, whatever the images are
LABEL_LENGTH = 60
TOP_LEFT, BOTTOM_RIGHT = (0, 159, 230), (233, 180, 86)  # orange and sky blue, BGR
FAINT, BRIGHT = 0.05, 0.3  # probabilities that are not seen yet, and that are as bright as can be


@dataclass(frozen=True)
class Shown:
    """An image of the gallery, as read (uint8 [H, W, 3], BGR), and what the network says of it.

    Heatmaps, [h, w] in 0 to 1, are the largest probability over categories, on cells that cover the
    image. `worst` and `even` are its places in the two orders, from 1; 0: not in it.
    """

    id: int
    name: str
    pixels: np.ndarray
    top_left: np.ndarray
    bottom_right: np.ndarray
    worst: int = 0
    even: int = 0


def gallery_picture(shown: Shown, evaluated: Evaluated, pairs: Pairs) -> Figure:
    """The picture of an image; `pairs` are those of its detections from LEAST_SCORE up."""
    height, width = shown.pixels.shape[:2]
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = cv2.resize(shown.pixels, size, interpolation=cv2.INTER_AREA)
    heat = {
        "top-left": (shown.top_left, TOP_LEFT),
        "bottom-right": (shown.bottom_right, BOTTOM_RIGHT),
    }
    content = {
        "shown": shown,
        "width": width,
        "height": height,
        "pixels": image_address("jpeg", pixels),
        "heat": {name: image_address("png", heat_layer(*one)) for name, one in heat.items()},
        "truth": _annotated(evaluated, pairs, shown.id),
        "found": _detected(evaluated, pairs, shown.id),
        "least": MIN_SCORE,
    }
    caption = (
        "Dashed: annotations. Green: right detections. Orange: wrong ones, with what is there. "
        "Under them the heatmaps of top-left corners (orange) and of bottom-right corners (blue)."
    )
    name = f"{shown.worst or 999:03d}-{shown.even:03d}"  # in the order in which they are listed
    return captioned(name, printable(shown.name), caption, render("gallery.svg.j2", content, {}))


def heat_layer(heatmap: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A heatmap [h, w] in 0 to 1 as one colour, the more opaque the higher: BGRA [h, w, 4].

    A peak is one cell, four pixels wide: it is widened by a cell so that it can be seen.
    """
    wide = cv2.dilate(heatmap.astype(np.float32), np.ones((3, 3), np.uint8))
    seen = np.maximum(heatmap, 0.35 * wide)
    opacity = np.clip((seen - FAINT) / (BRIGHT - FAINT), 0, 1)
    layer = np.empty((*heatmap.shape, 4), np.uint8)
    layer[..., :3], layer[..., 3] = colour, np.rint(255 * opacity)
    return layer


def _annotated(evaluated: Evaluated, pairs: Pairs, image_id: int) -> list[dict[str, Any]]:
    """The annotations of an image, each with the score of the detection that goes with it."""
    objects, named = evaluated.objects, _names(evaluated)
    boxes = _corners(objects[BOX].to_numpy())
    scores = evaluated.results.score[pairs.detection]
    score = dict(zip(pairs.object.tolist(), scores.tolist(), strict=True))
    drawn = []
    for row in np.flatnonzero(objects.image_id == image_id).tolist():
        crowd = bool(objects.crowd.iloc[row])
        name = named[int(objects.category_id.iloc[row])]
        label = _short(name, ", crowd" if crowd else ", missed")
        found = round(score.get(row, 0.0), 2)
        drawn.append({"box": boxes[row].tolist(), "score": found, "label": label})
    return drawn


def _detected(evaluated: Evaluated, pairs: Pairs, image_id: int) -> list[dict[str, Any]]:
    """The detections of an image, the surest last, which is on top."""
    results, named, drawn = evaluated.results, _names(evaluated), []
    boxes, mistaken = _corners(results.boxes), wrong(evaluated, pairs)
    here = np.flatnonzero(results.image_id[pairs.detection] == image_id)
    for at in here[np.argsort(results.score[pairs.detection[here]], kind="stable")].tolist():
        row, object_ = pairs.detection[at], pairs.object[at]
        score = round(float(results.score[row]), 2)
        note = f" {score:.2f}"
        if mistaken[at]:
            there = "no object"
            if object_ >= 0:
                there = f"is {named[int(evaluated.objects.category_id.iloc[object_])]}"
            note = f"{note}, {there}"
        label = _short(named[int(results.category_id[row])], note)
        colour = PALETTE[1] if mistaken[at] else PALETTE[2]
        box = boxes[row].tolist()
        drawn.append({"box": box, "score": score, "label": label, "colour": colour})
    return drawn


def _short(name: str, note: str) -> str:
    """A label; one that is too long would cover the image, and is cut."""
    text = name + note
    return text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1]}…"


def _names(evaluated: Evaluated) -> dict[int, str]:
    return dict(zip(evaluated.category_ids.tolist(), evaluated.categories, strict=True))


def _corners(boxes: np.ndarray) -> np.ndarray:
    """x, y, width, height [n, 4] as x1, y1, x2, y2."""
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
