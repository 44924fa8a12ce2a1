"""The journal version's two tables: AP at one IoU each, and mAP of corners by quadrant.

They are shown on the page alone, after Tables 1 to 4. The journal's numbers stand beside ours
whatever text the profile is held against, as the ECCV text has none.
"""

from dataclasses import replace

import pandas as pd

from cornernet.evaluation.corners import QUADRANTS
from cornernet.reporting.tables.corner_scores import WITH, WITHOUT, Scored, journal_number
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.results import rows_where
from cornernet.reporting.tables.seeds import pool_rows
from cornernet.reporting.tables.table import Table, TableContext, TableRow, only_defined, score_row

BY_IOU, BY_QUADRANT = 5, 6  # the numbers that the tables have on the page
CORNER_LABELS = {"top_left": "Top-left corners", "bottom_right": "Bottom-right corners"}
# (variant, reference) -> the label of its row
CORNER_ROWS = {
    (WITHOUT, ""): "without corner pooling",
    (WITH, ""): "with corner pooling",
    (WITH, WITHOUT): "improvement",
}


def iou_table(results: pd.DataFrame, context: TableContext) -> Table:
    """AP50 to AP90 of every variant tested at a single scale, beside the journal's detectors.

    Ours are val's and test-dev's, in a group each; the other detectors' are test-dev's.
    """
    metrics = context.literature.iou_metrics
    rows = []
    for split, group in (("val", "This run, val"), ("test_dev", "This run, test-dev")):
        tested = rows_where(results, split=split, mode="single_scale")
        for variant in sorted(set(tested["variant"])):
            cell = Cell(variant, "single_scale")
            rows.append(score_row(variant, cell, split, metrics, results, context, group=group))
    others = [
        TableRow(other.method, None, {}, other.values, group="The journal version, test-dev")
        for other in context.literature.by_iou
    ]
    left_out = f"Table {BY_IOU} is left out: nothing was tested at a single scale."
    return Table(
        BY_IOU,
        "AP at one IoU each, val and test-dev",
        "journal version",
        "",
        metrics,
        (*others, *rows) if rows else (),
        context,
        "" if rows else left_out,
    )


def corner_table(corners: pd.DataFrame, radius: float, context: TableContext) -> Table:
    """mAP of corners by quadrant, with and without corner pooling.

    `radius` in pixels is that of the measurement; further variants in `corners` have a row of
    their own. A row that was not measured says so.
    """
    labels = dict(CORNER_ROWS)
    for variant in sorted(set(corners["variant"]) - {WITH, WITHOUT}):
        labels[(variant, "")] = variant
    rows = [
        _corner_row(corners, Scored(variant, reference, 0, corner), label, context)
        for corner in CORNER_LABELS
        for (variant, reference), label in labels.items()
    ]
    left_out = f"Table {BY_QUADRANT} is left out: no model's corners were measured."
    return Table(
        BY_QUADRANT,
        f"mAP of corners by quadrant of the image, found within {radius:g} pixels",
        "journal version",
        "val",
        QUADRANTS,
        tuple(rows) if len(corners) else (),
        replace(context, reference="journal"),
        "" if len(corners) else left_out,
    )


def _corner_row(corners: pd.DataFrame, key: Scored, label: str, context: TableContext) -> TableRow:
    """One row over all seeds; the seed of `key` is not looked at."""
    mine = rows_where(corners, variant=key.variant, reference=key.reference, corner=key.corner)
    signed, confidence = bool(key.reference), context.confidence
    ours = {
        quadrant: pool_rows(rows_where(mine, quadrant=quadrant), confidence, differences=signed)
        for quadrant in QUADRANTS
    }
    return TableRow(
        label,
        "not run" if mine.empty else "scored",
        ours,
        only_defined({q: journal_number(key, q, context.literature) for q in QUADRANTS}),
        signed=signed,
        group=CORNER_LABELS[key.corner],
    )
