"""Figures of scores: AP by size, by category, precision and recall."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from cornernet.evaluation.coco_metrics import PrecisionRecall
from cornernet.reporting.figures.figure import (
    GREY,
    LINE_LENGTH,
    MARKERS,
    PALETTE,
    WIDTH,
    Figure,
    draw,
    in_lines,
    style_of,
)
from cornernet.reporting.tables.formats import REFERENCES, percent_text
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.table import TableContext, TableRow, score_row

MOST_CURVES = 12  # more cannot be told apart
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
        canvas.legend(loc="outside lower center", ncols=2)

    caption = (
        "COCO's sizes: small below 32² pixels, medium below 96², large above. Bars are "
        f"{percent_text(context.confidence)} intervals over images, and with several seeds over "
        "trainings; grey dashes are the paper's numbers on MS COCO."
    )
    return draw("ap_by_size", "AP by object size", caption, (WIDTH, 4.2), paint)


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
    labels = [in_lines(name) for name in names]
    lines = np.array([label.count("\n") + 1 for label in labels], dtype=float)
    at = np.cumsum(lines) - lines / 2  # the middle of each label

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, variant in enumerate(variants):
            axes.plot(
                np.array([by_variant[variant].get(name) for name in names], dtype=float),
                at,
                MARKERS[position % len(MARKERS)],
                color=PALETTE[position % len(PALETTE)],
                markersize=5,
                label=variant,
            )
        axes.set_yticks(at, labels)
        axes.set(xlabel="AP on val (percent)", xlim=(0, 100), ylim=(0, max(lines.sum(), 1)))
        canvas.legend(loc="outside lower center", ncols=2)

    size = (WIDTH, 1.4 + 0.16 * max(lines.sum(), 4))
    caption = (
        "AP over IoU 0.50 to 0.95 of each category, the hardest on top; those without an object "
        "are left out."
    )
    title = "Where AP is lost: by category"
    return draw("ap_by_category", title, caption, size, paint, any_script=True)


def precision_recall_curves(curves: Mapping[str, PrecisionRecall]) -> Figure:
    """Precision over recall at IoU 0.5, one line per variant."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, (label, curve) in enumerate(curves.items()):
            axes.plot(
                curve.recall, curve.precision, label=label, linewidth=1.5, **style_of(position)
            )
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        canvas.legend(loc="outside lower center", ncols=2, handlelength=3.5)

    caption = (
        "At IoU 0.5, interpolated as COCO does, averaged over categories; all sizes, 100 "
        "detections."
    )
    return draw("precision_recall", "Precision and recall on val", caption, (WIDTH, 4.4), paint)


def precision_recall_by_category(model: str, curves: Mapping[str, PrecisionRecall]) -> Figure:
    """Precision over recall at IoU 0.5, a line for each of the hardest categories of a model."""
    average = {name: 100 * float(curve.precision.mean()) for name, curve in curves.items()}
    shown = sorted(curves, key=lambda name: (average[name], name))[:MOST_CURVES]
    labels = [in_lines(f"{average[name]:.1f} {name}") for name in shown]
    columns = 2 if max(map(len, labels), default=0) < LINE_LENGTH / 2 else 1
    lines = sum(label.count("\n") + 1 for label in labels) / columns

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for position, (name, label) in enumerate(zip(shown, labels, strict=True)):
            curve = curves[name]
            axes.plot(
                curve.recall, curve.precision, label=label, linewidth=1.5, **style_of(position)
            )
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        canvas.legend(loc="outside lower center", ncols=columns, handlelength=3.5)

    caption = (
        f"{model} on val, at IoU 0.5, interpolated as COCO does; with the AP50 of each category. "
        f"The hardest first, {MOST_CURVES} at most."
    )
    title = "Precision and recall by category"
    size = (WIDTH, 3.8 + 0.2 * lines)
    return draw("precision_recall_by_category", title, caption, size, paint, any_script=True)
