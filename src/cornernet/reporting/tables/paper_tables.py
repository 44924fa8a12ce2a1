"""The paper's Tables 1 to 4, ours beside the paper's, from results.csv and differences.csv.

And three that the page alone shows: the journal version's mAP of corners and AP at one IoU each,
and what models that wait for the evaluation server's scores have on val, which needs no server.
"""

from dataclasses import replace

import pandas as pd

from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.tables.differences import difference
from cornernet.reporting.tables.literature import Cell, Comparison, Layout, LayoutRow, Literature
from cornernet.reporting.tables.results import rows_where
from cornernet.reporting.tables.seeds import STATUSES, select, status
from cornernet.reporting.tables.table import Table, TableContext, TableRow, score_row

ERROR_ANALYSIS, TEST_DEV = 3, 4  # take in every variant tested that way, as that of corners does
HEADLINE, BY_IOU, CORNERS, WAITING = (
    0,
    5,
    6,
    7,
)  # the numbers that the further tables have on the page
MODE_LABELS = {
    "single_scale": "single scale",
    "multi_scale": "multi scale",
    "gt_heatmaps": "with ground-truth heatmaps",
    "gt_heatmaps_offsets": "with ground-truth heatmaps and offsets",
    "top_left_corners": "top-left corners",
    "bottom_right_corners": "bottom-right corners",
}
HEADLINE_METRICS = METRICS[:6]  # average precision, over all IoUs and sizes and by each
SPLIT_GROUPS = {"val": "val", "test_dev": "test-dev", "train": "train"}
GROUPS = {"two_stage": "Two-stage detectors", "one_stage": "One-stage detectors"}


def build_tables(
    results: pd.DataFrame, differences: pd.DataFrame, context: TableContext
) -> tuple[Table, ...]:
    """Tables 1 to 4.

    A row that was not run says so; a table none of whose rows was run has `left_out` and no rows.
    """
    layouts = [layout for layout in context.literature.layouts if layout.number <= TEST_DEV]
    return tuple(_table(layout, results, differences, context) for layout in layouts)


def corner_table(
    corners: pd.DataFrame, differences: pd.DataFrame, radius: float, context: TableContext
) -> Table:
    """mAP of corners by quadrant, with and without corner pooling, from corners.csv.

    `radius` in pixels is that of the measurement.
    """
    layout = next(layout for layout in context.literature.layouts if layout.number == CORNERS)
    layout = replace(layout, title=layout.title.format(radius=radius))
    return _table(layout, corners, differences, replace(context, reference="journal"))


def _table(
    layout: Layout, results: pd.DataFrame, differences: pd.DataFrame, context: TableContext
) -> Table:
    rows = [
        _row(row, layout, results, differences, context)
        for row in _wanted_rows(layout, results, context.literature)
    ]
    if all(row.status == "not run" for row in rows):
        rows = []
    elif layout.number == TEST_DEV:
        rows = [*_other_detectors(context.literature), *rows]
    heading = layout.number, layout.title, layout.section, layout.split, layout.metrics
    return Table(*heading, tuple(rows), context)


def _wanted_rows(layout: Layout, results: pd.DataFrame, literature: Literature) -> list[LayoutRow]:
    """The paper's rows, and those of other variants that were tested as some tables test."""
    tested = rows_where(results, split=layout.split).groupby(["variant", "mode"], sort=False)
    cells = [Cell(*pair) for pair, _ in tested]
    variants = {cell.variant for cell in cells}
    rows = [
        replace(
            row,
            cell=literature.stand_in(row.cell, variants),
            minus=literature.stand_in(row.minus, variants) if row.minus else None,
        )
        for row in layout.rows
    ]
    if layout.number == ERROR_ANALYSIS:
        variants = {cell.variant for cell in cells if cell.mode.startswith("gt_")}
    elif layout.number < ERROR_ANALYSIS:
        return rows
    present = {row.cell for row in rows}
    further = [cell for cell in cells if cell.variant in variants and cell not in present]
    return rows + [LayoutRow(_label(cell), cell) for cell in further]


def _label(cell: Cell) -> str:
    return f"{cell.variant} ({MODE_LABELS[cell.mode]})"


def _row(
    row: LayoutRow,
    layout: Layout,
    results: pd.DataFrame,
    differences: pd.DataFrame,
    context: TableContext,
) -> TableRow:
    """One of our rows: scores, or with `minus` their differences."""
    shown = {"group": row.group}
    if layout.number == TEST_DEV:
        shown = {"group": "This run", "backbone": "Hourglass"}
    split, metrics = layout.split, layout.metrics
    if row.minus is None:
        return score_row(row.label, row.cell, split, metrics, results, context, **shown)
    comparison = Comparison(split, row.cell, row.minus)
    sides = [status(select(results, split, cell)) for cell in (row.cell, row.minus)]
    outcome = min(sides, key=STATUSES.index)  # that of the side that got less far
    ours = {metric: difference(differences, comparison, metric) for metric in metrics}
    papers = context.literature.difference
    paper = {metric: papers(context.reference, comparison, metric) for metric in metrics}
    return TableRow(row.label, outcome, ours, paper, signed=True, **shown)


def _other_detectors(literature: Literature) -> list[TableRow]:
    return [
        TableRow(one.method, None, {}, one.values, group=GROUPS[one.group], backbone=one.backbone)
        for one in literature.others
    ]


def headline_table(results: pd.DataFrame, context: TableContext) -> Table:
    """AP of every test, over all IoUs and sizes and by each: what the page opens with."""
    rows = []
    for split, group in SPLIT_GROUPS.items():
        tested = rows_where(results, split=split).groupby(["variant", "mode"], sort=False)
        for cell in [Cell(*pair) for pair, _ in tested]:
            label = cell.variant if cell.mode == "single_scale" else _label(cell)
            row = score_row(label, cell, split, HEADLINE_METRICS, results, context, group=group)
            rows.append(row)
    return Table(HEADLINE, "What was scored", "", "", HEADLINE_METRICS, tuple(rows), context)


def iou_table(results: pd.DataFrame, context: TableContext) -> Table:
    """AP50 to AP90 of every variant tested at a single scale, beside the journal's detectors.

    Ours are val's and test-dev's, in a group each; the other detectors' are test-dev's, and the
    journal's whatever text the profile is held against, as the ECCV text has none.
    """
    metrics = tuple(context.literature.by_iou[0].values)
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
    title, shown = "AP at one IoU each, val and test-dev", (*others, *rows) if rows else ()
    return Table(BY_IOU, title, "journal version", "", metrics, shown, context)


def waiting_table(results: pd.DataFrame, context: TableContext) -> list[Table]:
    """Table 4's metrics on val, of the models submitted and not scored; none if all are scored.

    It says that the scores are val's; they are never put under the name of test-dev.
    """
    layouts = context.literature.layouts
    metrics = next(layout.metrics for layout in layouts if layout.number == TEST_DEV)
    submitted = rows_where(results, split="test_dev").groupby(["variant", "mode"])
    waiting = sorted({pair[0] for pair, rows in submitted if status(rows) != "scored"})
    if not waiting:
        return []
    cells = [Cell(variant, mode) for variant in waiting for mode in ("single_scale", "multi_scale")]
    rows = [score_row(_label(cell), cell, "val", metrics, results, context) for cell in cells]
    rows = [row for row in rows if row.status == "scored"]
    title = "What the models that wait for test-dev's scores have on val"
    return [Table(WAITING, title, "no score of test-dev", "val", metrics, tuple(rows), context)]
