"""The forest plot: every claim a line, the paper's number and ours with its interval."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from cornernet.reporting.figures.figure import GREY, INK, MARKERS, PALETTE, Figure, draw
from cornernet.reporting.tables.formats import percent_text

# Okabe and Ito's colours, and a marker each for print, in the order of VERDICTS.
STYLES = {
    "reproduced": (PALETTE[2], MARKERS[0]),
    "direction reproduced": (PALETTE[0], MARKERS[1]),
    "inconclusive": (PALETTE[5], MARKERS[3]),
    "contradicted": (PALETTE[1], MARKERS[6]),
    "not run": (GREY, ""),
}
WIDTH, LINE, REST = 4.0, 0.2, 1.6  # inches: of a telephone, of a claim, of axis and legend
TICKS = (-30, -10, -3, -1, 0, 1, 3, 10, 30, 100)  # points


def forest_plot(claims: pd.DataFrame, confidence: float) -> Figure:
    """Every claim of claims.csv that is in points, in its order from above.

    The axis is linear near zero and logarithmic further out, so that gains of one point and of
    forty can both be read.
    """
    rows = [row for row in claims.itertuples() if row.id != "inference_time"]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, row in enumerate(rows):
            _line(axes, row, position)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_xscale("symlog", linthresh=1, linscale=0.6)
        low, high = axes.dataLim.intervalx
        shown = [tick for tick in TICKS if low <= tick <= high]
        axes.set_xticks(shown, [f"{tick:+d}" if tick else "0" for tick in shown])
        axes.tick_params(axis="x", labelsize=7)
        axes.minorticks_off()
        axes.margins(x=0.08)
        names = [row.id.replace("_", " ") + (" *" if row.primary else "") for row in rows]
        axes.set_yticks(range(len(rows)), names, fontsize=7)
        axes.set(xlabel="points", ylim=(len(rows) - 0.4, -0.6))
        canvas.legend(handles=_key(), loc="outside lower center", ncols=2, fontsize=7)

    caption = (
        f"Every claim in points: the paper's number, and ours with its {percent_text(confidence)} "
        "interval. Thick: its part from the noise of images; thin: with the noise of training; no "
        "thin line where that is unknown or, between tests of one model, not in it. "
        "* named beforehand as primary."
    )
    height = REST + LINE * len(rows)
    return draw("claims", "Claims: the paper's numbers and ours", caption, (WIDTH, height), paint)


def _line(axes: Axes, row: Any, at: int) -> None:
    """One claim: the paper's number, and ours where it was run."""
    colour, marker = STYLES[row.verdict]
    axes.plot(row.paper, at, "|", color=INK, markersize=9, markeredgewidth=1.6)
    if row.verdict == "not run":
        return
    images, training = np.nan_to_num([row.images, row.training])
    for half, width in ((np.hypot(images, training), 1.2), (images, 4.0)):
        ends = [row.ours - half, row.ours + half]
        axes.plot(ends, [at, at], color=colour, linewidth=width, solid_capstyle="butt")
    axes.plot(row.ours, at, marker, color=colour, markersize=5, markeredgecolor=INK)


def _key() -> list[Line2D]:
    paper = Line2D([], [], color=INK, marker="|", linestyle="", mew=1.6, label="the paper")
    return [paper] + [
        Line2D([], [], color=colour, marker=marker, linestyle="-", label=verdict)
        for verdict, (colour, marker) in STYLES.items()
        if marker
    ]
