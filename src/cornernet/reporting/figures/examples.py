"""Detections drawn on example images, over corner heatmaps where given (Figs. 1 and 8)."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cornernet.reporting.figures.figure import PALETTE, Figure, captioned

COLUMN_WIDTH = 420.0  # SVG units of one picture
COLUMNS = 2
GAP = 14.0
LABEL_HEIGHT = 20.0
JPEG_QUALITY = 85
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
    parts, tops = [], [0.0] * COLUMNS
    for example in examples:
        column = int(np.argmin(tops))  # the shorter column takes the next picture
        parts.append(_panel(example, column * (COLUMN_WIDTH + GAP), tops[column]))
        tops[column] += COLUMN_WIDTH * _aspect(example) + LABEL_HEIGHT + GAP
    width = min(len(examples), COLUMNS) * (COLUMN_WIDTH + GAP) - GAP if examples else COLUMN_WIDTH
    height = max(*tops, GAP + 1) - GAP
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(parts)}</svg>\n'
    )
    caption = (
        f"{rule} Dashed white: annotations. Solid: detections with a score of at least "
        f"{MIN_SCORE:g}, with category and score."
    )
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
        scaled = cv2.resize(heatmap.astype(np.float32), (width, height))
        weight = np.clip(scaled, 0, 1)[..., None]  # [H, W, 1]
        canvas = canvas * (1 - weight) + np.array(colour, dtype=np.float32) * weight
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _aspect(example: Example) -> float:
    return example.image.shape[0] / example.image.shape[1]


def _panel(example: Example, left: float, top: float) -> str:
    """One picture with its name below; inner coordinates are the image's pixels."""
    height, width = example.image.shape[:2]
    scale = COLUMN_WIDTH / width
    shapes = [_rectangle(box, "white", 'stroke-dasharray="5 4"', scale) for box in example.truth]
    colours = {label: PALETTE[i % 6] for i, label in enumerate(sorted(set(example.labels)))}
    for index in np.argsort(example.scores, kind="stable"):  # the surest on top
        if example.scores[index] >= MIN_SCORE:
            label = example.labels[index]
            shapes.append(_rectangle(example.boxes[index], colours[label], "", scale))
            text = f"{label} {example.scores[index]:.2f}"
            shapes.append(_tag(example.boxes[index], text, colours[label], scale))
    base = LABEL_HEIGHT * 0.72 + COLUMN_WIDTH * _aspect(example)
    return (
        f'<g transform="translate({left:.1f} {top:.1f})">\n'
        f'<svg width="{COLUMN_WIDTH:.1f}" height="{COLUMN_WIDTH * _aspect(example):.1f}" '
        f'viewBox="0 0 {width} {height}">\n'
        f'<image width="{width}" height="{height}" href="{_data_uri(example.image)}"/>\n'
        f"{''.join(shapes)}</svg>\n"
        f'<text x="0" y="{base:.1f}" font-size="12" fill="#333333">'
        f"{html.escape(example.name)}</text>\n</g>\n"
    )


def _rectangle(box: np.ndarray, colour: str, extra: str, scale: float) -> str:
    x1, y1, x2, y2 = (float(end) for end in box)
    return (
        f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{max(x2 - x1, 0):.1f}" '
        f'height="{max(y2 - y1, 0):.1f}" fill="none" stroke="{colour}" '
        f'stroke-width="{2 / scale:.2f}" {extra}/>\n'
    )


def _tag(box: np.ndarray, text: str, colour: str, scale: float) -> str:
    """The label inside the box's top-left corner, white on the box's colour."""
    size = 11 / scale
    x, y = max(float(box[0]), 0.0), max(float(box[1]), 0.0)
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{0.58 * size * len(text):.1f}" '
        f'height="{1.25 * size:.1f}" fill="{colour}" fill-opacity="0.85"/>\n'
        f'<text x="{x + 0.15 * size:.1f}" y="{y + 0.98 * size:.1f}" font-size="{size:.1f}" '
        f'fill="white">{html.escape(text)}</text>\n'
    )


def _data_uri(image: np.ndarray) -> str:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
