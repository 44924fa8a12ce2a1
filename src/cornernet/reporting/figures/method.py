"""Figures of the method, from arrays: radii, targets (Fig. 5), corner pooling (Fig. 3)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle

from cornernet.reporting.figures.figure import (
    PALETTE,
    WIDTH,
    Figure,
    captioned,
    draw,
    image_address,
    style_of,
)
from cornernet.reporting.rendering import render


def radii_histogram(radii: Mapping[str, np.ndarray]) -> Figure:
    """Histogram of the radii: rule -> radius of each annotation [n], in cells."""
    finite = {name: values[np.isfinite(values)] for name, values in radii.items()}
    top = max((float(np.quantile(v, 0.99)) for v in finite.values() if len(v)), default=1.0)
    edges = np.linspace(0, max(top, 1e-6), 41)

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, (name, values) in enumerate(finite.items()):
            label = f"{name} (median {np.median(values):.1f})" if len(values) else name
            axes.hist(
                np.minimum(values, edges[-1]),  # the last bar holds all larger ones
                bins=edges.tolist(),
                histtype="step",
                linewidth=1.5,
                label=label,
                **style_of(position),
            )
        axes.set(
            xlabel="radius (cells of the heatmap, at scale 1)", ylabel="annotations", xlim=(0, None)
        )
        canvas.legend(loc="outside lower center", ncols=2, handlelength=3.5)

    caption = (
        "Radius around a corner within which the penalty is reduced (section 3.2), for every "
        "annotation; the last bar holds the largest hundredth."
    )
    return draw("radii", "Penalty-reduction radii", caption, (WIDTH, 3.8), paint)


def targets_figure(
    image: np.ndarray, boxes: np.ndarray, radii: np.ndarray, min_iou: float
) -> Figure:
    """Fig. 5: boxes whose corners lie within the radii still overlap the annotation.

    `image` uint8 [H, W, 3] RGB; `boxes` [n, 4] x1, y1, x2, y2 and `radii` [n], in pixels of the
    image. Dotted: the smallest, the largest and the shifted box with corners on the circles.
    """

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.imshow(image, interpolation="nearest")
        for box, radius in zip(boxes, radii, strict=True):
            _outline(axes, box, color=PALETTE[1], linewidth=1.8)
            reach = radius / np.sqrt(2)
            for signs in ((1, 1, -1, -1), (-1, -1, 1, 1), (1, 1, 1, 1), (-1, -1, -1, -1)):
                _outline(axes, box + reach * np.array(signs), color=PALETTE[2], linestyle=":")
            for x, y in (box[:2], box[2:]):
                axes.add_patch(Circle((x, y), radius, fill=False, color=PALETTE[5], linewidth=1.5))
        axes.set_axis_off()

    caption = (
        "Solid: annotations. Circles: the radius around each corner. Dotted: boxes whose corners "
        f"lie on the circles; their IoU with the annotation is at least {min_iou:g} (section 3.2)."
    )
    height = 5.0 * image.shape[0] / image.shape[1]
    return draw("targets", "Targets, as in Fig. 5", caption, (5.0, height), paint)


def _outline(axes: Axes, box: np.ndarray, **style: object) -> None:
    x1, y1, x2, y2 = box
    axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], **style)  # type: ignore[arg-type]


def corner_pooling_figure(
    canvas: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    pooled: np.ndarray,
    cell: tuple[int, int],
) -> Figure:
    """Fig. 3: two feature maps [H, W] of an image, and their top-left corner pooling.

    `canvas` uint8 [h, w, 3] BGR is the network's input. `cell` is the row and column of the one
    that looks down in `first` (eq. 6) and to the right in `second` (eq. 7). On the page another one
    can be chosen, for which the maps' pixels are read back: `top` is the value of a white one.
    """
    row, column = cell
    top = max(float(first.max()), float(second.max()), 1e-6)
    panels = [
        ("the image", image_address("jpeg", canvas), "image"),
        ("f_t, looking down", image_address("png", _grey(first, top)), "first"),
        ("f_l, looking right", image_address("png", _grey(second, top)), "second"),
        ("sum of both maxima", image_address("png", _grey(pooled, float(pooled.max()))), "sum"),
    ]
    content = {
        "panels": panels,
        "height": first.shape[0],
        "width": first.shape[1],
        "row": row,
        "column": column,
        "below": row + int(np.argmax(first[row:, column])),
        "right": column + int(np.argmax(second[row, column:])),
        "values": (float(first[row:, column].max()), float(second[row, column:].max())),
        "top": top,
        "ray": PALETTE[1],
        "dot": PALETTE[4],
    }
    caption = (
        "One channel of the trained network's last top-left corner pooling; the lighter, the "
        "higher. The cell of a corner takes the largest value below it in one map and to its right "
        "in the other, and adds the two (equations 6 and 7)."
    )
    svg = render("corner_pooling.svg.j2", content, {})
    return captioned("corner_pooling", "Corner pooling, as in Fig. 3", caption, svg)


def _grey(values: np.ndarray, top: float) -> np.ndarray:
    """A map [H, W] in grey, white at `top`; what is below zero is black."""
    return np.rint(255 * np.clip(values / max(top, 1e-6), 0, 1)).astype(np.uint8)
