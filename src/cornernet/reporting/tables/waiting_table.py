"""What models that wait for the evaluation server's scores have on val, which needs no server."""

import pandas as pd

from cornernet.reporting.tables.literature import MODES, Cell, Literature
from cornernet.reporting.tables.paper_tables import MODE_LABELS, TEST_DEV, Table, TableRow
from cornernet.reporting.tables.seeds import estimate, select, status

NUMBER = 7


def waiting_table(
    results: pd.DataFrame,
    literature: Literature,
    reference: str,
    notice: str = "",
    confidence: float = 0.95,
) -> Table | None:
    """Table 4's metrics on val, of the models submitted and not scored; None if all are scored.

    Said to be val's, in a table of its own: they are never put under test-dev's name.
    """
    metrics = next(layout.metrics for layout in literature.layouts if layout.number == TEST_DEV)
    waiting = [
        variant
        for variant in sorted(set(results.loc[results["split"] == "test_dev", "variant"]))
        if any(_status(results, variant, mode) == "submitted, not scored" for mode in MODES)
    ]
    if not waiting:
        return None
    rows = []
    for variant in waiting:
        for mode in ("single_scale", "multi_scale"):
            tested = select(results, "val", Cell(variant, mode))
            if status(tested) == "scored":
                ours = {metric: estimate(tested, metric, confidence) for metric in metrics}
                paper = {
                    m: literature.value(reference, "val", Cell(variant, mode), m) for m in metrics
                }
                known = {metric: value for metric, value in paper.items() if value is not None}
                rows.append(TableRow(f"{variant} ({MODE_LABELS[mode]})", "scored", ours, known))
    return Table(
        NUMBER,
        "What the models that wait for test-dev's scores have on val",
        "no score of test-dev",
        "val",
        metrics,
        tuple(rows),
        notice,
        reference,
        "" if rows else f"Table {NUMBER} is left out: none of them was tested on val.",
        confidence,
    )


def _status(results: pd.DataFrame, variant: str, mode: str) -> str:
    return status(select(results, "test_dev", Cell(variant, mode)))
