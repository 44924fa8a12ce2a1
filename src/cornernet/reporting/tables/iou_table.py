"""The journal version's table: AP at one IoU each. Shown on the page, after Tables 1 to 4."""

import pandas as pd

from cornernet.reporting.tables.literature import Cell, Literature
from cornernet.reporting.tables.paper_tables import Table, TableRow
from cornernet.reporting.tables.seeds import estimate, select, status

NUMBER = 5


def iou_table(
    results: pd.DataFrame,
    literature: Literature,
    reference: str,
    notice: str = "",
    confidence: float = 0.95,
) -> Table:
    """AP50 to AP90 of every variant tested at a single scale, beside the journal's detectors.

    Ours on val and on test-dev, each said to be so; the paper's are test-dev's, from the journal
    whatever `reference` is, as the ECCV text has none.
    """
    rows = []
    for split, group in (("val", "This run, val"), ("test_dev", "This run, test-dev")):
        for variant in sorted(set(results.loc[results["split"] == split, "variant"])):
            cell = Cell(variant, "single_scale")
            tested = select(results, split, cell)
            if tested.empty:
                continue
            metrics = literature.iou_metrics
            numbers = {m: literature.value(reference, split, cell, m) for m in metrics}
            paper = {metric: number for metric, number in numbers.items() if number is not None}
            ours = {metric: estimate(tested, metric, confidence) for metric in metrics}
            rows.append(TableRow(variant, status(tested), ours, paper, group=group))
    others = [
        TableRow(other.method, None, {}, other.values, group="The journal version, test-dev")
        for other in literature.by_iou
    ]
    return Table(
        NUMBER,
        "AP at one IoU each, val and test-dev",
        "journal version",
        "",
        literature.iou_metrics,
        (*others, *rows) if rows else (),
        notice,
        reference,
        "" if rows else f"Table {NUMBER} is left out: nothing was tested at a single scale.",
        confidence,
    )
