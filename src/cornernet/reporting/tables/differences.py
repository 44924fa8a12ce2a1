"""differences.csv: every difference that the paper's tables and claims speak of, paired."""

import math
from collections.abc import Iterable, Iterator
from functools import partial

import pandas as pd

from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.tables.contrasts import (
    Tests,
    difference_of,
    errors_of,
    half_width,
    measure,
)
from cornernet.reporting.tables.literature import Comparison, Literature
from cornernet.reporting.tables.results import as_table, rows_where
from cornernet.reporting.tables.seeds import UNDEFINED, Estimate

# `noise`: where the noise of training in the interval is from; empty: it holds images alone
DIFFERENCE_COLUMNS = (
    "variant", "reference", "split", "mode", "metric", "value", "ci_low", "ci_high", "paper",
    "noise",
)  # fmt: skip


def table_comparisons(literature: Literature, results: pd.DataFrame) -> Iterator[Comparison]:
    """The rows of differences that Tables 1 to 4 have, of the variants that were tested."""
    for layout in literature.layouts:
        variants = set(rows_where(results, split=layout.split)["variant"])
        for row in layout.rows:
            if row.minus is not None:
                pair = (literature.stand_in(cell, variants) for cell in (row.cell, row.minus))
                yield Comparison(layout.split, *pair)


def collect_differences(
    comparisons: Iterable[Comparison],
    tests: Tests,
    literature: Literature,
    reference: str,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """differences.csv: each comparison of which both sides were scored, in each metric.

    Over all seeds, with its interval; one between two trainings whose noise is unknown has none.
    `reference` is the text whose differences fill `paper`; the column `reference` names a variant,
    or variant/mode where the mode is another one too.
    """
    rows = []
    for comparison in dict.fromkeys(comparisons):
        cell = comparison.cell
        if not all(map(partial(tests.scored, comparison.split), (cell, comparison.reference))):
            continue
        key = (cell.variant, comparison.reference_name, comparison.split, cell.mode)
        for metric in METRICS:
            found = measure(difference_of(comparison, metric), tests)
            errors = None if found.exact else errors_of(found)
            half = math.nan if errors is None else half_width(*errors, found.df, confidence)
            value = math.nan if found.value is None else found.value
            paper = literature.difference(reference, comparison, metric)
            noise = "" if found.one_training or errors is None else found.noise
            rows.append((*key, metric, value, value - half, value + half, paper, noise))
    return as_table(rows, DIFFERENCE_COLUMNS)


def difference(differences: pd.DataFrame, comparison: Comparison, metric: str) -> Estimate:
    """A difference of two tested models, in points, from differences.csv."""
    rows = rows_where(
        differences,
        variant=comparison.cell.variant,
        reference=comparison.reference_name,
        split=comparison.split,
        mode=comparison.cell.mode,
        metric=metric,
    )
    return UNDEFINED if rows.empty else Estimate.of(rows.iloc[0])
