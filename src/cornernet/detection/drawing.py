"""Draws detections on an image: boxes with the name of their category and their score."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cornernet.detection.detector import Detections

FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_HEIGHT = 22  # pixels of this font's capitals at scale 1
GOLDEN_RATIO = 0.618034  # steps of this share of the colour circle keep colours apart
# A label's height is about a fortieth of the image's shorter side, within limits in pixels.
LABEL_SHARE, LABEL_LEAST, LABEL_MOST = 1 / 40, 11, 24
# A small image is enlarged before it is drawn on, or no label would fit: its shorter side to at
# least SMALLEST_SIDE, but its longer side to at most LARGEST_SIDE.
SMALLEST_SIDE, LARGEST_SIDE = 320, 2048


def draw_detections(
    image: NDArray[np.uint8],
    detections: Detections,
    category_names: Sequence[str],
    least_score: float = 0.3,
) -> NDArray[np.uint8]:
    """A picture of `image` [H, W, 3] (BGR) with the detections that score `least_score` or more.

    The best are drawn last, over the others. A small image is enlarged by a whole factor, so the
    picture may be larger than the image.
    """
    height, width = image.shape[:2]
    factor = min(-(-SMALLEST_SIDE // min(height, width)), LARGEST_SIDE // max(height, width))
    factor = max(1, factor)
    canvas = image.repeat(factor, axis=0).repeat(factor, axis=1)  # a copy, to be drawn on
    for at in np.argsort(detections.scores, kind="stable"):
        if detections.scores[at] >= least_score:
            category = int(detections.categories[at])
            label = f"{category_names[category]} {detections.scores[at]:.2f}"
            _draw_box(canvas, detections.boxes[at] * factor, label, category_colour(category))
    return canvas


def category_colour(category: int) -> tuple[int, int, int]:
    """A bright colour (BGR) for a category index; neighbouring indices differ clearly."""
    colour = colorsys.hsv_to_rgb(category * GOLDEN_RATIO % 1, 0.85, 0.8 if category % 2 else 1.0)
    red, green, blue = (round(255 * part) for part in colour)
    return blue, green, red


def _draw_box(
    canvas: NDArray[np.uint8], box: NDArray[np.float32], label: str, colour: tuple[int, int, int]
) -> None:
    """Draw a box and its label on `canvas`, which the caller made."""
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = (int(edge) for edge in np.round(box))
    x2, y2 = min(x2, width - 1), min(y2, height - 1)
    text_height = np.clip(min(height, width) * LABEL_SHARE, LABEL_LEAST, LABEL_MOST)
    line = max(1, round(text_height / 7))
    cv2.rectangle(canvas, (x1, y1), (x2, y2), (0, 0, 0), line + 2)  # seen on any background
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, line)

    scale = text_height / FONT_HEIGHT
    (text_width, _), below = cv2.getTextSize(label, FONT, scale, line)
    tall = round(text_height) + below + 2
    left = max(0, min(x1, width - text_width - 2))
    bottom = y1 if y1 >= tall else min(y1 + tall, height - 1)  # above the box if there is room
    cv2.rectangle(canvas, (left, bottom - tall), (left + text_width + 2, bottom), colour, -1)
    dark = np.dot(colour, (0.114, 0.587, 0.299)) < 128  # luma of ITU-R BT.601
    at, text_colour = (left + 1, bottom - below), (255, 255, 255) if dark else (0, 0, 0)
    cv2.putText(canvas, label, at, FONT, scale, text_colour, line, cv2.LINE_AA)
