"""What a table of the report is: rows of our numbers, and the paper's number beside each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cornernet.evaluation.metric_names import CORNER_MODES
from cornernet.reporting.tables.literature import Cell, Literature
from cornernet.reporting.tables.seeds import Estimate, Status, estimates, select, status

BY_TABLES = "job-tables"  # the place on the page of what the stage `tables` computes


def place_of(split: str, cell: Cell) -> str:
    """Where the page says how the scores of a test, over all seeds, were made."""
    return BY_TABLES if cell.mode in CORNER_MODES else f"test-{cell.variant}-{split}-{cell.mode}"


@dataclass(frozen=True)
class TableContext:
    """What all tables of a run share."""

    literature: Literature
    reference: str  # "eccv" or "journal": the text whose numbers stand beside ours
    notice: str = ""  # `report.notice`, which stands above each table
    confidence: float = 0.95  # of the intervals in results.csv and differences.csv


@dataclass(frozen=True)
class TableRow:
    """One row: what this run found (`ours`) and the paper's number (`paper`), by metric.

    A row of another detector has no `ours`; in `paper` a metric without a number is None or
    absent. `signed`: the numbers are differences, in points.
    """

    label: str
    status: Status | None  # None: another detector's row
    ours: Mapping[str, Estimate]
    paper: Mapping[str, float | None]
    signed: bool = False
    group: str = ""  # the heading above the row
    backbone: str = ""
    place: str = BY_TABLES  # of the job that ours are from, on the page


@dataclass(frozen=True)
class Table:
    """A table ready to be written; it has no rows if none of them was run."""

    number: int
    title: str
    section: str
    split: str
    metrics: tuple[str, ...]
    rows: tuple[TableRow, ...]
    context: TableContext

    @property
    def left_out(self) -> str:
        """What stands in the place of a table without rows; nothing if it has some."""
        return "" if self.rows else f"Table {self.number} is left out: none of its rows was run."


def score_row(
    label: str,
    cell: Cell,
    split: str,
    metrics: Sequence[str],
    results: pd.DataFrame,
    context: TableContext,
    **more: Any,
) -> TableRow:
    """The scores of one tested model in results.csv; `more` are further fields of the row."""
    ours = estimates(results, split, cell, metrics, context.confidence)
    value, reference = context.literature.value, context.reference
    paper = {metric: value(reference, split, cell, metric) for metric in metrics}
    outcome, place = status(select(results, split, cell)), place_of(split, cell)
    return TableRow(label, outcome, ours, paper, place=place, **more)
