"""differences.csv: every difference that the paper's tables and claims speak of, paired."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from cornernet.evaluation.half_sampling import Interval
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.tables.literature import Comparison, Literature
from cornernet.reporting.tables.results import as_table, rows_where
from cornernet.reporting.tables.seeds import Estimate, estimate, pool, select, status

DIFFERENCE_COLUMNS = (
    "variant", "reference", "split", "mode", "metric", "value", "ci_low", "ci_high", "paper",
)  # fmt: skip

Scores = Mapping[str, Interval]  # METRICS -> difference in points, with its interval


def table_comparisons(literature: Literature) -> tuple[Comparison, ...]:
    """The rows of differences that Tables 1 to 4 have."""
    return tuple(
        Comparison(layout.split, row.cell, row.minus)
        for layout in literature.layouts
        for row in layout.rows
        if row.minus is not None
    )


def possible(comparisons: Iterable[Comparison], results: pd.DataFrame) -> tuple[Comparison, ...]:
    """Those of which both sides were scored, each once, in a fixed order."""
    return tuple(
        comparison
        for comparison in dict.fromkeys(comparisons)
        if all(
            status(select(results, comparison.split, cell)) == "scored"
            for cell in (comparison.cell, comparison.reference)
        )
    )


def collect_differences(
    paired: Mapping[Comparison, Sequence[Scores]],
    literature: Literature,
    reference: str,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """differences.csv: for each comparison, one `Scores` per seed, pooled over seeds.

    `reference` is the text whose differences fill `paper`. In the file, the column `reference`
    names a variant, or variant/mode where the mode is another one too.
    """
    rows = []
    for comparison, seeds in paired.items():
        cell = comparison.cell
        key = (cell.variant, comparison.reference_name, comparison.split, cell.mode)
        for metric in METRICS:
            pooled = pool([Estimate(*scores[metric]) for scores in seeds], confidence)
            paper = literature.difference(reference, comparison, metric)
            rows.append((*key, metric, pooled.value, pooled.low, pooled.high, paper))
    return as_table(rows, DIFFERENCE_COLUMNS)


def difference(
    differences: pd.DataFrame, results: pd.DataFrame, comparison: Comparison, metric: str
) -> Estimate:
    """A difference of two tested models, in points.

    The paired one of differences.csv; where that has none (scores from a server come without
    what pairing needs), the plain difference of results.csv, without an interval.
    """
    rows = rows_where(
        differences,
        variant=comparison.cell.variant,
        reference=comparison.reference_name,
        split=comparison.split,
        mode=comparison.cell.mode,
        metric=metric,
    )
    if not rows.empty:
        return Estimate.of(rows.iloc[0])
    first = estimate(select(results, comparison.split, comparison.cell), metric).value
    second = estimate(select(results, comparison.split, comparison.reference), metric).value
    return Estimate(None if first is None or second is None else first - second)
