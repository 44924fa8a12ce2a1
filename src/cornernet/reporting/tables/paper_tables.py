"""The paper's Tables 1 to 4, ours beside the paper's, from results.csv and differences.csv.

And two that the page alone shows: the journal version's AP at one IoU each, and what models that
wait for the evaluation server's scores have on val, which needs no server.
"""

from dataclasses import replace

import pandas as pd

from cornernet.reporting.tables.differences import difference
from cornernet.reporting.tables.literature import Cell, Comparison, Layout, LayoutRow, Literature
from cornernet.reporting.tables.results import rows_where
from cornernet.reporting.tables.seeds import STATUSES, select, status
from cornernet.reporting.tables.table import Table, TableContext, TableRow, score_row

ERROR_ANALYSIS, TEST_DEV = 3, 4  # the tables that take in every variant tested that way
BY_IOU, WAITING = 5, 7  # the numbers that the further tables have on the page
MODE_LABELS = {
    "single_scale": "single scale",
    "multi_scale": "multi scale",
    "gt_heatmaps": "with ground-truth heatmaps",
    "gt_heatmaps_offsets": "with ground-truth heatmaps and offsets",
}
GROUP_LABELS = {"two_stage": "Two-stage detectors", "one_stage": "One-stage detectors"}


def build_tables(
    results: pd.DataFrame, differences: pd.DataFrame, context: TableContext
) -> tuple[Table, ...]:
    """Tables 1 to 4.

    A row that was not run says so; a table none of whose rows was run has `left_out` and no rows.
    """
    tables = []
    for layout in context.literature.layouts:
        rows = [
            _row(row, layout, results, differences, context)
            for row in _wanted_rows(layout, results, context.literature)
        ]
        if all(row.status == "not run" for row in rows):
            rows = []
        elif layout.number == TEST_DEV:
            rows = [*_other_detectors(context.literature), *rows]
        table = Table(
            layout.number,
            layout.title,
            f"section {layout.section}",
            layout.split,
            layout.metrics,
            tuple(rows),
            context,
            "none of its rows was run",
        )
        tables.append(table)
    return tuple(tables)


def _wanted_rows(layout: Layout, results: pd.DataFrame, literature: Literature) -> list[LayoutRow]:
    """The paper's rows, and those of other variants that were tested as Tables 3 and 4 test."""
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
    elif layout.number != TEST_DEV:
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
    shown = {"group": "This run", "backbone": "Hourglass"} if layout.number == TEST_DEV else {}
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
        TableRow(
            other.method,
            None,
            {},
            other.values,
            group=GROUP_LABELS[other.group],
            backbone=other.backbone,
        )
        for other in literature.others
    ]


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
    return Table(
        BY_IOU,
        "AP at one IoU each, val and test-dev",
        "journal version",
        "",
        metrics,
        (*others, *rows) if rows else (),
        context,
        "nothing was tested at a single scale",
    )


def waiting_table(results: pd.DataFrame, context: TableContext) -> Table | None:
    """Table 4's metrics on val, of the models submitted and not scored; None if all are scored.

    It says that the scores are val's; they are never put under the name of test-dev.
    """
    layouts = context.literature.layouts
    metrics = next(layout.metrics for layout in layouts if layout.number == TEST_DEV)
    submitted = rows_where(results, split="test_dev").groupby(["variant", "mode"])
    waiting = sorted({pair[0] for pair, rows in submitted if status(rows) != "scored"})
    if not waiting:
        return None
    cells = [Cell(variant, mode) for variant in waiting for mode in ("single_scale", "multi_scale")]
    rows = [score_row(_label(cell), cell, "val", metrics, results, context) for cell in cells]
    return Table(
        WAITING,
        "What the models that wait for test-dev's scores have on val",
        "no score of test-dev",
        "val",
        metrics,
        tuple(row for row in rows if row.status == "scored"),
        context,
        "none of them was tested on val",
    )
