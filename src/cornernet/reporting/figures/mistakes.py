"""The figure of what goes wrong: the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure as Canvas

from cornernet.reporting.figures.figure import INK, PALETTE, Figure, draw, in_lines
from cornernet.reporting.figures.gallery import MIN_SCORE

BLUE, ON_BLUE = to_rgb(PALETTE[0]), "#fefefe"  # the latter white on dark screens, too
COUNTED = 20  # categories at most whose cells carry their counts


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
        colours = LinearSegmentedColormap.from_list("share", [(*BLUE, 0), (*BLUE, 1)])
        axes.imshow(share, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
        ticks = range(len(matrix))
        small: dict[str, Any] = {} if len(names) <= COUNTED else {"fontsize": 5}
        axes.set_xticks(ticks, [*map(str, range(1, len(matrix))), "none"], **small)
        axes.set_yticks(ticks, [*labels, "no object"])
        axes.set(xlabel="detected category", ylabel="annotated category")
        axes.grid(visible=False)
        if len(names) <= COUNTED:
            for (row, column), count in np.ndenumerate(matrix):
                colour = ON_BLUE if share[row, column] > 0.5 else INK
                if count:
                    axes.text(
                        column, row, str(count), color=colour, ha="center", va="center", size=7
                    )

    side = 0.9 + cell * len(matrix)
    caption = (
        f"{model} on val, detections with a score of at least {MIN_SCORE:g} at IoU 0.5: how many "
        "objects of each category (rows) were found as which (columns, by number). Last column: "
        "objects that were not found; last row: detections where no object is. The bluer, the "
        "larger a part of its row."
    )
    title, size = "Which category is taken for which", (side + 3, side)
    return draw("confusion", title, caption, size, paint, any_script=True)
