"""differences.csv: every difference that the paper's tables and claims speak of, paired."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from cornernet.reporting.tables.contrasts import Tests, difference_of, errors_of, measure
from cornernet.reporting.tables.literature import Comparison, Literature
from cornernet.reporting.tables.results import as_table, rows_where
from cornernet.reporting.tables.seeds import UNDEFINED, Estimate, select, status
from cornernet.reporting.training_noise import half_width

# `noise`: where the noise of training in the interval is from, and `df` its degrees of freedom;
# empty and 0: it holds images alone. `reason`: why there is no value, or no interval.
DIFFERENCE_COLUMNS = (
    "variant", "reference", "split", "mode", "metric", "value", "ci_low", "ci_high", "paper",
    "noise", "df", "seeds", "reason",
)  # fmt: skip


def table_comparisons(literature: Literature, results: pd.DataFrame) -> Iterator[Comparison]:
    """The rows of differences that the tables have, of the variants that were tested."""
    for layout in literature.layouts:
        variants = set(rows_where(results, split=layout.split)["variant"])
        for row in layout.rows:
            if row.minus is not None:
                ours = literature.stand_in(row.cell, variants)
                yield Comparison(layout.split, ours, literature.stand_in(row.minus, variants))


def collect_differences(
    comparisons: Iterable[Comparison],
    tests: Tests,
    literature: Literature,
    reference: str,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """differences.csv: each comparison of which both sides were scored, in each metric.

    Over all seeds, with its interval; one between two trainings whose noise is unknown has none.
    Of a comparison's `equals` those count that were scored. `reference` is the text whose
    differences fill `paper`; the column `reference` names a variant, or variant/mode where the mode
    is another one too; several, joined by +, where their mean was subtracted.
    """
    rows = []
    for comparison in dict.fromkeys(comparisons):
        cell, split = comparison.cell, comparison.split
        sides = [select(tests.results, split, side) for side in (cell, comparison.reference)]
        if any(status(side) != "scored" for side in sides):
            continue
        scored = (c for c in comparison.equals if not select(tests.results, split, c).empty)
        comparison = replace(comparison, equals=tuple(scored))
        key = (cell.variant, comparison.reference_name, split, cell.mode)
        for metric in sides[0]["metric"].unique():
            found = measure(difference_of(comparison, metric), tests)
            # a server tells no image's own score
            half = math.nan if found.exact else half_width(*errors_of(found), found.df, confidence)
            paper = literature.difference(reference, comparison, metric)
            known = not math.isnan(half)
            noise = found.noise if known and not found.one_training else ""
            reason = "" if known else found.reason or "no interval over images"
            ends = (found.value - half, found.value + half)
            error = (noise, found.df if noise else 0.0, found.seeds, reason)
            rows.append((*key, metric, found.value, *ends, paper, *error))
    return as_table(rows, DIFFERENCE_COLUMNS)


def difference(differences: pd.DataFrame, comparison: Comparison, metric: str) -> Estimate:
    """A difference of two tested models, in points, from differences.csv."""
    rows = select(differences, comparison.split, comparison.cell)
    rows = rows_where(rows, reference=comparison.reference_name, metric=metric)
    return UNDEFINED if rows.empty else Estimate.of(rows.iloc[0])
