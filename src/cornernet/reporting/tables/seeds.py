"""Several seeds of one variant, as one estimate."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from cornernet.evaluation.metric_names import defined
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.results import rows_where


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval, in percent or points; None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None
    spread: float | None = None  # standard deviation over seeds; None with one seed
    seeds: int = 1
    noise: str = ""  # of a difference: where the noise of training in its interval is from

    @classmethod
    def of(cls, row: Any) -> "Estimate":
        """One seed's, from a row of a table that has value, ci_low and ci_high."""
        noise = getattr(row, "noise", "")
        return cls(defined(row.value), defined(row.ci_low), defined(row.ci_high), noise=noise)


UNDEFINED = Estimate(None)


def pool(
    estimates: Sequence[Estimate],
    confidence: float = 0.95,
    spread: tuple[float, int] | None = None,
) -> Estimate:
    """The mean over seeds with an interval for both images and trainings.

    Each estimate is one seed's, with its interval over images. All seeds are tested on
    the same images, so averaging them does not make the images' part of the error smaller: its
    root mean square over seeds is kept. The error of the mean over seeds is added to it in
    quadrature, at each end: Student's t times the standard deviation over the root of their number.
    `spread` is that standard deviation with its degrees of freedom, pooled over variants; without
    it, it is that of these seeds alone. Seeds whose value is undefined are left out; a missing
    interval leaves the result without one.
    """
    scored = [estimate for estimate in estimates if estimate.value is not None]
    if len(scored) <= 1:
        return scored[0] if scored else UNDEFINED
    from scipy.stats import t  # needed with several seeds alone

    count = len(scored)
    numbers = np.array([(one.value, one.low, one.high) for one in scored], dtype=float)
    value, *ends = numbers.T  # NaN where there is no interval
    mean, own = float(value.mean()), float(value.std(ddof=1))
    deviation, df = spread or (own, count - 1)
    seed_error = float(t.ppf(0.5 + confidence / 2, df)) * deviation / math.sqrt(count)
    below, above = (math.hypot(np.square(value - end).mean() ** 0.5, seed_error) for end in ends)
    return Estimate(mean, defined(mean - below), defined(mean + above), own, count)


Status = Literal["not run", "submitted, not scored", "scored"]
STATUSES: tuple[Status, ...] = get_args(Status)  # from the one that got least far


def select(results: pd.DataFrame, split: str, cell: Cell) -> pd.DataFrame:
    """The rows of results.csv of one variant, split and mode, all seeds and metrics."""
    return rows_where(results, split=split, variant=cell.variant, mode=cell.mode)


def status(rows: pd.DataFrame) -> Status:
    """Whether a test (its rows of results.csv) was scored, only submitted, or not run."""
    if rows.empty:
        return "not run"
    unscored = rows["value"].isna().all() and (rows["split"] == "test_dev").all()
    return "submitted, not scored" if unscored else "scored"


def estimates(
    results: pd.DataFrame,
    split: str,
    cell: Cell,
    metrics: Iterable[str],
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """Scores over all seeds of a test; `confidence` is that of the intervals in results.csv.

    The standard deviation over seeds is pooled over the variants that were tested the same way.
    """
    alike = rows_where(results, split=split, mode=cell.mode)
    found = {}
    for metric in metrics:
        rows = alike[alike["metric"] == metric].dropna(subset="value")
        own = rows[rows["variant"] == cell.variant]
        spread = None
        if len(own) > 1:
            by_variant = rows.groupby("variant")["value"]
            freedom = by_variant.count() - 1
            squares = (by_variant.var(ddof=1) * freedom).sum()  # of one seed: undefined, left out
            spread = math.sqrt(squares / freedom.sum()), int(freedom.sum())
        found[metric] = pool_rows(own, confidence, spread)
    return found


def pool_rows(
    rows: pd.DataFrame, confidence: float, spread: tuple[float, int] | None = None
) -> Estimate:
    """Scores with value, ci_low, ci_high pooled; the ends lie within 0 and 100."""
    pooled = pool([Estimate.of(row) for row in rows.itertuples()], confidence, spread)
    if pooled.low is None or pooled.high is None:
        return pooled
    return replace(pooled, low=max(pooled.low, 0.0), high=min(pooled.high, 100.0))
