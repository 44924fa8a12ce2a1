"""Several seeds of one variant, as one estimate."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from cornernet.evaluation.metric_names import defined
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.results import rows_where
from cornernet.reporting.training_noise import (
    half_width,
    pooled_deviation,
    scores_of_models,
)


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
        """From a row of a table that has value, ci_low and ci_high: of one seed, or `seeds`."""
        value, low, high = map(defined, (row.value, row.ci_low, row.ci_high))
        seeds, noise = getattr(row, "seeds", 1), getattr(row, "noise", "")
        return cls(value, low, high, seeds=seeds, noise=noise)


UNDEFINED = Estimate(None)


def pool(rows: pd.DataFrame, models: pd.DataFrame, column: str, confidence: float) -> Estimate:
    """Scores of one variant's seeds (value, ci_low, ci_high) as their mean, with its interval.

    The interval is for both images and trainings. All seeds are tested on the same images, so
    averaging them does not make the images' part of the error smaller: its root mean square over
    seeds is kept. The deviation over trainings is that of `column` in `models`, which has a row for
    each model that was tested so. Seeds without a value are left out; one without an interval
    leaves the result without one.
    """
    rows = rows.dropna(subset="value")
    count = len(rows)
    if count <= 1:
        return Estimate.of(rows.iloc[0]) if count else UNDEFINED
    # Ends are cut off at 0 and 100: the longer side is the half-width.
    halves = rows[["ci_low", "ci_high"]].sub(rows["value"], axis=0).abs().max(axis=1)
    factor = NormalDist().inv_cdf(0.5 + confidence / 2)
    images = math.sqrt(np.square(halves).mean(skipna=False)) / factor
    deviation = pooled_deviation(models, {column: 1})
    assert deviation is not None  # there are two seeds
    value, (sd, df) = float(rows["value"].mean()), deviation
    half = half_width(images, sd / math.sqrt(count), df, confidence)
    low, high = np.clip([value - half, value + half], 0, 100)
    return Estimate(value, defined(low), defined(high), float(rows["value"].std()), count)


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
    metrics: Collection[str],
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """Scores over all seeds of a test; `confidence` is that of the intervals in results.csv.

    The standard deviation over seeds is pooled over the variants that were tested the same way.
    """
    alike = rows_where(results, split=split, mode=cell.mode)
    alike = alike[alike["metric"].isin(list(metrics))]
    own, models = rows_where(alike, variant=cell.variant), scores_of_models(alike, {})
    return {
        metric: pool(
            rows_where(own, metric=metric),
            models,
            f"{metric}.{split}.{cell.mode}",
            confidence,
        )
        for metric in metrics
    }
