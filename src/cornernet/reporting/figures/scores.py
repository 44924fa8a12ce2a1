"""Figures of scores: AP by size, by category, precision and recall."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from cornernet.evaluation.coco_metrics import PrecisionRecall
from cornernet.reporting.figures.figure import GREY, MARKERS, PALETTE, Figure, draw, style_of
from cornernet.reporting.tables.formats import REFERENCES, percent_text
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.table import TableContext, TableRow, score_row

SIZES = {"AP": "all", "AP_small": "small", "AP_medium": "medium", "AP_large": "large"}


def ap_by_size(results: pd.DataFrame, context: TableContext) -> Figure:
    """AP of every variant on val by object size, with intervals, beside the paper's numbers."""
    variants = dict.fromkeys(results.loc[results["split"] == "val", "variant"])
    cells = [Cell(variant, "single_scale") for variant in variants]
    tested = [score_row(c.variant, c, "val", list(SIZES), results, context) for c in cells]
    rows = [row for row in tested if row.status == "scored"]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, row in enumerate(rows):
            shift = (position - (len(rows) - 1) / 2) * 0.8 / max(len(rows), 1)
            _dots(axes, row, position, shift)
            paper = np.array([row.paper[metric] for metric in SIZES], dtype=float)
            axes.plot(np.arange(len(SIZES)) + shift, paper, "_", color=GREY, markersize=11, mew=2)
        label = f"paper ({REFERENCES[context.reference]})"
        axes.plot([], [], "_", color=GREY, markersize=11, mew=2, label=label)
        axes.set_xticks(range(len(SIZES)), list(SIZES.values()))
        axes.set(xlabel="size of the objects", ylabel="AP on val (percent)", ylim=(0, 100))
        axes.grid(axis="x", visible=False)
        canvas.legend(loc="outside lower center", ncols=3)

    caption = (
        "COCO's sizes: small below 32² pixels, medium below 96², large above. Bars are "
        f"{percent_text(context.confidence)} intervals over images, and with several seeds over "
        "trainings; grey dashes are the paper's numbers on MS COCO."
    )
    return draw("ap_by_size", "AP by object size", caption, (7.2, 4.2), paint)


def _dots(axes: Axes, row: TableRow, position: int, shift: float) -> None:
    """One variant's scores with their intervals, beside the others'."""
    scores = [row.ours[metric] for metric in SIZES]
    numbers = np.array([(score.value, score.low, score.high) for score in scores], dtype=float)
    at = np.flatnonzero(np.isfinite(numbers[:, 0]))
    value, low, high = numbers[at].T
    axes.errorbar(
        at + shift,
        value,
        yerr=np.nan_to_num(np.maximum([value - low, high - value], 0)),  # 0: no interval
        fmt=MARKERS[position % len(MARKERS)],
        color=PALETTE[position % len(PALETTE)],
        capsize=2.5,
        markersize=5,
        label=row.label,
    )


def ap_by_category(by_variant: Mapping[str, Mapping[str, float | None]]) -> Figure:
    """AP on val of each category: variant -> category -> percent (None: no such object).

    Categories are sorted by the first variant's AP, the hardest on top.
    """
    variants = list(by_variant)
    first = by_variant[variants[0]] if variants else {}
    scored = {name: score for name, score in first.items() if score is not None}
    names = sorted(scored, key=lambda name: (-scored[name], name))

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, variant in enumerate(variants):
            axes.plot(
                np.array([by_variant[variant].get(name) for name in names], dtype=float),
                range(len(names)),
                MARKERS[position % len(MARKERS)],
                color=PALETTE[position % len(PALETTE)],
                markersize=5,
                label=variant,
            )
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="AP on val (percent)", xlim=(0, 100), ylim=(-0.6, len(names) - 0.4))
        canvas.legend(loc="outside lower center", ncols=3)

    height = 1.4 + 0.16 * max(len(names), 4)
    caption = (
        "AP over IoU 0.50 to 0.95 of each category, the hardest on top; those without an object "
        "are left out."
    )
    return draw("ap_by_category", "Where AP is lost: by category", caption, (7.2, height), paint)


def precision_recall_curves(curves: Mapping[str, PrecisionRecall]) -> Figure:
    """Precision over recall, one line per label (an IoU threshold, a variant)."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, (label, curve) in enumerate(curves.items()):
            axes.plot(
                curve.recall, curve.precision, label=label, linewidth=1.5, **style_of(position)
            )
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        canvas.legend(loc="outside lower center", ncols=3, handlelength=3.5)

    caption = "Interpolated as COCO does, averaged over categories; all sizes, 100 detections."
    return draw("precision_recall", "Precision and recall on val", caption, (7.2, 4.4), paint)
