"""What models that wait for the evaluation server's scores have on val, which needs no server."""

import pandas as pd

from cornernet.reporting.tables.literature import MODES, Cell
from cornernet.reporting.tables.paper_tables import MODE_LABELS, TEST_DEV
from cornernet.reporting.tables.seeds import select, status
from cornernet.reporting.tables.table import Table, TableContext, score_row

NUMBER = 7


def waiting_table(results: pd.DataFrame, context: TableContext) -> Table | None:
    """Table 4's metrics on val, of the models submitted and not scored; None if all are scored.

    It says that the scores are val's; they are never put under the name of test-dev.
    """
    layouts = context.literature.layouts
    metrics = next(layout.metrics for layout in layouts if layout.number == TEST_DEV)
    waiting = [
        variant
        for variant in sorted(set(results.loc[results["split"] == "test_dev", "variant"]))
        if any(_status(results, variant, mode) == "submitted, not scored" for mode in MODES)
    ]
    if not waiting:
        return None
    cells = [Cell(variant, mode) for variant in waiting for mode in ("single_scale", "multi_scale")]
    labels = [f"{cell.variant} ({MODE_LABELS[cell.mode]})" for cell in cells]
    rows = [
        score_row(label, cell, "val", metrics, results, context)
        for label, cell in zip(labels, cells, strict=True)
    ]
    scored = tuple(row for row in rows if row.status == "scored")
    left_out = "" if scored else f"Table {NUMBER} is left out: none of them was tested on val."
    title = "What the models that wait for test-dev's scores have on val"
    return Table(NUMBER, title, "no score of test-dev", "val", metrics, scored, context, left_out)


def _status(results: pd.DataFrame, variant: str, mode: str) -> str:
    return status(select(results, "test_dev", Cell(variant, mode)))
