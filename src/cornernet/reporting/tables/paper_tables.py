"""The paper's Tables 1 to 4, ours beside the paper's, from results.csv and differences.csv."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from cornernet.reporting.tables.differences import difference
from cornernet.reporting.tables.literature import (
    MODES,
    Cell,
    Comparison,
    Layout,
    LayoutRow,
    Literature,
)
from cornernet.reporting.tables.seeds import UNDEFINED, Estimate, Status, estimate, select, status

ERROR_ANALYSIS, TEST_DEV = 3, 4  # the tables that take in every variant tested that way
MODE_LABELS = {
    "single_scale": "single scale",
    "multi_scale": "multi scale",
    "gt_heatmaps": "with ground-truth heatmaps",
    "gt_heatmaps_offsets": "with ground-truth heatmaps and offsets",
}
GROUP_LABELS = {"two_stage": "Two-stage detectors", "one_stage": "One-stage detectors"}


@dataclass(frozen=True)
class TableRow:
    """One row: what this run found (`ours`) and the paper's number (`paper`), by metric.

    A row of another detector has no `ours`; a metric without a number in the paper is absent
    from `paper`. `signed`: the numbers are differences, in points.
    """

    label: str
    status: Status | None  # None: another detector's row
    ours: Mapping[str, Estimate]
    paper: Mapping[str, float]
    signed: bool = False
    group: str = ""  # Table 4's heading
    backbone: str = ""


@dataclass(frozen=True)
class Table:
    """A table ready to be written. `left_out` says why there is none, if no row was run."""

    number: int
    title: str
    section: str
    split: str
    metrics: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notice: str
    reference: str  # "eccv" or "journal": whose numbers stand beside ours
    left_out: str = ""
    confidence: float = 0.95  # of the intervals


def build_tables(
    results: pd.DataFrame,
    differences: pd.DataFrame,
    literature: Literature,
    reference: str,
    notice: str = "",
    confidence: float = 0.95,
) -> tuple[Table, ...]:
    """Tables 1 to 4. `notice` (`report.notice`) stands above each.

    `confidence` is that of the intervals in `results` and `differences`.

    A row that was not run says so; a table none of whose rows was run has `left_out` and no rows.
    """
    return tuple(
        _table(layout, results, differences, literature, reference, notice, confidence)
        for layout in literature.layouts
    )


def _table(
    layout: Layout,
    results: pd.DataFrame,
    differences: pd.DataFrame,
    literature: Literature,
    reference: str,
    notice: str,
    confidence: float,
) -> Table:
    rows = [
        _row(row, layout, results, differences, literature, reference, confidence)
        for row in _wanted_rows(layout, results, literature)
    ]
    left_out = ""
    if all(row.status == "not run" for row in rows):
        left_out = f"Table {layout.number} is left out: none of its rows was run."
        rows = []
    elif layout.number == TEST_DEV:
        rows = [*_others(literature, layout.metrics), *rows]
    return Table(
        layout.number,
        layout.title,
        f"section {layout.section}",
        layout.split,
        layout.metrics,
        tuple(rows),
        notice,
        reference,
        left_out,
        confidence,
    )


def _wanted_rows(layout: Layout, results: pd.DataFrame, literature: Literature) -> list[LayoutRow]:
    """The paper's rows, and those of other variants that were tested as Tables 3 and 4 test."""
    variants = set(results.loc[results["split"] == layout.split, "variant"])
    rows = [
        replace(
            row,
            cell=literature.stand_in(row.cell, variants),
            minus=literature.stand_in(row.minus, variants) if row.minus else None,
        )
        for row in layout.rows
    ]
    present = {row.cell for row in rows}
    for variant in sorted(variants):
        modes = [
            mode for mode in MODES if not select(results, layout.split, Cell(variant, mode)).empty
        ]
        if layout.number == ERROR_ANALYSIS and not any(mode.startswith("gt_") for mode in modes):
            continue
        if layout.number in (ERROR_ANALYSIS, TEST_DEV):
            rows.extend(
                LayoutRow(f"{variant} ({MODE_LABELS[mode]})", Cell(variant, mode))
                for mode in modes
                if Cell(variant, mode) not in present
            )
    return rows


def _row(
    row: LayoutRow,
    layout: Layout,
    results: pd.DataFrame,
    differences: pd.DataFrame,
    literature: Literature,
    reference: str,
    confidence: float,
) -> TableRow:
    """One of our rows: scores, or with `minus` their differences."""
    group = "This run" if layout.number == TEST_DEV else ""
    backbone = "Hourglass" if layout.number == TEST_DEV else ""
    if row.minus is None:
        tested = select(results, layout.split, row.cell)
        ours = {metric: estimate(tested, metric, confidence) for metric in layout.metrics}
        numbers = {
            m: literature.value(reference, layout.split, row.cell, m) for m in layout.metrics
        }
        outcome = status(tested)
    else:
        comparison = Comparison(layout.split, row.cell, row.minus)
        outcome = _both(*(status(select(results, layout.split, c)) for c in (row.cell, row.minus)))
        ours = {
            metric: difference(differences, results, comparison, metric)
            if outcome == "scored"
            else UNDEFINED
            for metric in layout.metrics
        }
        numbers = {m: literature.difference(reference, comparison, m) for m in layout.metrics}
    paper = {metric: number for metric, number in numbers.items() if number is not None}
    return TableRow(row.label, outcome, ours, paper, row.minus is not None, group, backbone)


def _both(first: Status, second: Status) -> Status:
    """The status of a difference: that of its side that got less far."""
    order: tuple[Status, ...] = ("not run", "submitted, not scored", "scored")
    return min(first, second, key=order.index)


def _others(literature: Literature, metrics: tuple[str, ...]) -> list[TableRow]:
    return [
        TableRow(
            other.method,
            None,
            {},
            {metric: other.values[metric] for metric in metrics if metric in other.values},
            group=GROUP_LABELS[other.group],
            backbone=other.backbone,
        )
        for other in literature.others
    ]
