"""Detections drawn on example images, over corner heatmaps where given (Figs. 1 and 8)."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from cornernet.evaluation.metric_names import printable
from cornernet.reporting.figures.figure import PALETTE, Figure, captioned
from cornernet.reporting.rendering import render

COLUMN_WIDTH = 420.0  # SVG units of one picture
COLUMNS = 2
GAP = 14.0
LABEL_HEIGHT = 20.0
JPEG_QUALITY = 85
LABEL_LENGTH = 60
MIN_SCORE = 0.3  # of the detections that are drawn


@dataclass(frozen=True)
class Example:
    """An image with its annotations and detections; boxes [n, 4] are x1, y1, x2, y2 in pixels."""

    name: str
    image: np.ndarray  # uint8 [H, W, 3], BGR
    truth: np.ndarray  # [m, 4]
    boxes: np.ndarray  # [n, 4]
    labels: Sequence[str]  # category name of each detection
    scores: np.ndarray  # [n], 0 to 1


def evenly_spaced(image_ids: Sequence[int], count: int) -> list[int]:
    """The rule by which examples are picked: `count` ids, evenly spaced in the sorted list.

    The middle of each of `count` equal parts, so that nobody chose them; all, if there are fewer.
    """
    ids = sorted(image_ids)
    count = min(count, len(ids))
    return [ids[(2 * part + 1) * len(ids) // (2 * count)] for part in range(count)]


def detections_figure(
    examples: Sequence[Example],
    rule: str,
    name: str = "detections",
    title: str = "Detections",
) -> Figure:
    """Pictures of the examples: annotations dashed, detections from MIN_SCORE up solid.

    `rule` says in words how the examples were picked; it goes into the caption.
    """
    caption = (
        f"{rule} Dashed white: annotations. Solid: detections with a score of at least "
        f"{MIN_SCORE:g}, with category and score."
    )
    return pictures_figure(name, title, caption, [_picture(example) for example in examples])


def pictures_figure(
    name: str, title: str, caption: str, pictures: Sequence[dict[str, Any]]
) -> Figure:
    """Pictures (`picture`) in two columns; those of one size alternate, left first."""
    placed, tops = [], [0.0] * COLUMNS
    for picture in pictures:
        column = int(np.argmin(tops))  # the shorter column takes the next picture
        place = {"left": column * (COLUMN_WIDTH + GAP), "top": tops[column]}
        placed.append(picture | place)
        tops[column] += picture["height"] * picture["scale"] + LABEL_HEIGHT + GAP
    width = min(len(pictures), COLUMNS) * (COLUMN_WIDTH + GAP) - GAP if pictures else COLUMN_WIDTH
    content = {"pictures": placed, "width": width, "height": max(*tops, GAP + 1) - GAP}
    svg = render("detections.svg.j2", {**content, "label_height": LABEL_HEIGHT}, {})
    return captioned(name, title, caption, svg)


def overlay_heatmaps(
    image: np.ndarray, top_left: np.ndarray, bottom_right: np.ndarray
) -> np.ndarray:
    """Figs. 1 and 8: the image, darkened, under both corner heatmaps; a new uint8 [H, W, 3] BGR.

    `top_left`, `bottom_right` float [h, w] in 0 to 1: the largest probability over categories, on
    a grid that covers the image. Top-left corners glow orange, bottom-right ones blue.
    """
    height, width = image.shape[:2]
    canvas = image.astype(np.float32) * 0.55
    for heatmap, colour in ((top_left, (0, 159, 230)), (bottom_right, (233, 180, 86))):  # BGR
        brightest = max(float(heatmap.max()), 0.1)  # as bright as can be, unless there is nothing
        scaled = cv2.resize(heatmap.astype(np.float32) / brightest, (width, height))
        weight = np.clip(scaled, 0, 1)[..., None]  # [H, W, 1]
        canvas = canvas * (1 - weight) + np.array(colour, dtype=np.float32) * weight
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _picture(example: Example) -> dict[str, Any]:
    """What the template shows of one example; boxes are in pixels of the image."""
    colours = {label: PALETTE[i % 6] for i, label in enumerate(sorted(set(example.labels)))}
    found = list(zip(example.scores, example.boxes.tolist(), example.labels, strict=True))
    detections = [
        (box, colours[label], f"{label} {score:.2f}")
        for score, box, label in sorted(found, key=lambda one: one[0])  # the surest on top
        if score >= MIN_SCORE
    ]
    return picture(example.name, example.image, detections, example.truth.tolist())


def picture(
    name: str,
    image: np.ndarray,
    boxes: Sequence[tuple[Sequence[float], str, str]],
    dashed: Sequence[Sequence[float]] = (),
) -> dict[str, Any]:
    """What the template shows of an image (uint8 [H, W, 3], BGR).

    `boxes`: x1, y1, x2, y2 in pixels, colour and label of each; `dashed`: boxes without a label. A
    label is cut after LABEL_LENGTH letters: a longer one would cover the image.
    """
    height, width = image.shape[:2]
    labelled = [
        (box, colour, text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1]}…")
        for box, colour, text in boxes
    ]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return {
        "name": printable(name),
        "pixels": "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii"),
        "truth": dashed,
        "detections": labelled,
        "scale": COLUMN_WIDTH / width,
        "width": width,
        "height": height,
    }
