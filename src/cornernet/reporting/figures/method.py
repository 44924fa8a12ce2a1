"""Figures of the method, from arrays: radii, targets (Fig. 5), corner pooling (Fig. 3)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle

from cornernet.reporting.figures.figure import PALETTE, Figure, draw, style_of


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
    return draw("radii", "Penalty-reduction radii", caption, (7.2, 3.8), paint)


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
    first: np.ndarray, second: np.ndarray, pooled_first: np.ndarray, pooled_second: np.ndarray
) -> Figure:
    """Fig. 3: two feature maps, each pooled in its direction, and their sum; all [H, W].

    Top-left pooling (eqs. 6, 7): `first` is pooled upwards from below, `second` leftwards from
    the right.
    """
    panels = {
        "feature map f_t": first,
        "max from below (eq. 6)": pooled_first,
        "feature map f_l": second,
        "max from the right (eq. 7)": pooled_second,
        "sum: top-left corner pooling": pooled_first + pooled_second,
    }

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(2, 3)
        for axes, (title, values) in zip(grid.T.flat, panels.items(), strict=False):
            picture = axes.imshow(values, cmap="cividis", interpolation="nearest")
            axes.set_title(title, loc="left")
            axes.set(xticks=[], yticks=[])
            canvas.colorbar(picture, ax=axes, shrink=0.7)
        grid[1, 2].set_axis_off()

    caption = (
        "One channel of the trained network's top-left corner pooling. Each map takes the largest "
        "value on its way to the corner; the two are added."
    )
    return draw("corner_pooling", "Corner pooling, as in Fig. 3", caption, (7.2, 4.2), paint)
