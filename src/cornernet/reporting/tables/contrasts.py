"""A contrast: scores of tested models added and subtracted, with the noise of images and training.

A difference of two models is one, a difference of two differences, and a score less a number that
is exact. Its error over images comes from halves that are the same for all of its scores
(`evaluation.half_sampling`), its error over trainings from `reporting.training_noise`.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cornernet.config.schema import Split
from cornernet.evaluation.half_sampling import HalfSampled, standard_error
from cornernet.reporting.tables.literature import Cell, Comparison
from cornernet.reporting.tables.results import read_csv
from cornernet.reporting.tables.seeds import select, status
from cornernet.reporting.training_noise import TrainingNoise, place_of


@dataclass(frozen=True)
class Contrast:
    """(cell, metric) -> that score's factor in the sum, on one split; and a constant in it."""

    split: Split
    weights: Mapping[tuple[Cell, str], float]
    constant: float = 0.0  # in percent, exact


class Measured(NamedTuple):
    """A contrast in points, with two standard errors; NaN where unknown, and `reason` says why."""

    value: float = math.nan
    images: float = math.nan  # over test sets of this size
    training: float = math.nan  # over trainings, with one seed of each variant
    df: float = math.inf  # degrees of freedom of `training`
    seeds: int = 1
    noise: str = ""  # where `training` is from
    one_training: bool = False  # tests of one training compared: their order holds for that model
    exact: bool = False  # a server's score: exact on its images, with no error over others
    reason: str = ""


MEASURED_COLUMNS = ("claim", *Measured._fields)


@dataclass(frozen=True)
class Tests:
    """The tests of a run: rows as in results.csv, the halves of each, and the noise of training.

    `halves` gives those of a split, variant, mode and seed; None for scores from a server.
    """

    results: pd.DataFrame
    halves: Callable[[Split, Cell, int], HalfSampled | None]
    noise: TrainingNoise

    def place(self, split: str, cell: Cell, metric: str) -> tuple[str, str]:
        """Where `noise.own` has a score: the model that was tested, and the column."""
        return place_of(cell.variant, split, cell.mode, metric, self.noise.owners)


def difference_of(comparison: Comparison, metric: str) -> Contrast:
    """One tested model minus another, or minus the mean of several, in one metric."""
    references = (comparison.reference, *comparison.equals)
    shares = {(cell, metric): -1 / len(references) for cell in references}
    return Contrast(comparison.split, {(comparison.cell, metric): 1.0, **shares})


class NotMeasured(Exception):
    """Which score a contrast lacks, or that its seeds do not match."""


class SeedScores(NamedTuple):
    """A contrast in points with each seed alone: on all images, and on each half of them."""

    values: dict[int, float]
    halves: dict[int, np.ndarray]  # float64 [halves] each; none where a server scored
    images: int

    def mean(self, seeds: Collection[int]) -> tuple[float, float]:
        """Over these seeds, with its error over images; NaN where a server scored."""
        value = float(np.mean([self.values[seed] for seed in seeds]))
        if not self.halves:
            return value, math.nan
        total = np.sum([self.halves[seed] for seed in seeds], axis=0)
        return value, standard_error(total / len(seeds), self.images)


def seed_scores(contrast: Contrast, tests: Tests) -> SeedScores:
    """The contrast with each seed. Raises NotMeasured without a score of the same seeds for all."""
    values: dict[int, float] = {}
    told: dict[str, str] = {}
    for (cell, metric), weight in contrast.weights.items():
        model, column = tests.place(contrast.split, cell, metric)
        known = tests.noise.own.get(column, pd.Series(dtype=float)).dropna()
        scores = {int(seed): score for (name, seed), score in known.items() if name == model}
        if not scores:
            state = status(select(tests.results, contrast.split, cell))
            undefined = f"{metric} of {cell} is undefined"
            missing = undefined if state == "scored" else f"{cell} on {contrast.split}: {state}"
            raise NotMeasured(missing)
        told[cell.variant] = f"{cell.variant} has {sorted(scores)}"
        values = values or dict.fromkeys(sorted(scores), contrast.constant)
        if values.keys() != scores.keys():
            raise NotMeasured(f"the seeds scored differ: {', '.join(told.values())}")
        values = {seed: value + weight * scores[seed] for seed, value in values.items()}
    halves: dict[int, np.ndarray] = {}
    images = 0
    for seed in values:
        for (cell, metric), weight in contrast.weights.items():
            half = tests.halves(contrast.split, cell, seed)
            if half is None:
                return SeedScores(values, {}, 0)
            halves[seed] = weight * half.halves_of(metric) + halves.get(seed, 0.0)
            images = half.images
    return SeedScores(values, halves, images)


def measure(contrast: Contrast, tests: Tests) -> Measured:
    """The contrast's value and errors; over several seeds, of the mean over them.

    Without a value, `reason` says which score is missing, or that the seeds do not match.
    """
    try:
        scores = seed_scores(contrast, tests)
    except NotMeasured as missing:
        return Measured(reason=str(missing))
    by_model: dict[str, dict[str, float]] = {}
    for (cell, metric), weight in contrast.weights.items():
        model, column = tests.place(contrast.split, cell, metric)
        by_model.setdefault(model, {})[column] = weight
    spreads = [tests.noise.of(weights) for weights in by_model.values()]
    training = math.hypot(*(spread.sd for spread in spreads))
    known = not math.isnan(training)
    return Measured(
        *scores.mean(scores.values),
        training,
        df=min(spread.df for spread in spreads),
        seeds=len(scores.values),
        noise=" and ".join(sorted({spread.source for spread in spreads})) if known else "",
        one_training=len(by_model) == 1 and len(contrast.weights) > 1,
        exact=not scores.halves,
        reason="" if known else "training noise unknown: one seed, and none recorded",
    )


def errors_of(measured: Measured) -> tuple[float, float]:
    """Errors over images and trainings of what is shown; NaN where unknown.

    Trainings put none into tests of one training, which hold for that model; a server's score has
    none over images.
    """
    training = 0.0 if measured.one_training else measured.training
    return 0.0 if measured.exact else measured.images, training / math.sqrt(measured.seeds)


def measure_each(contrasts: Mapping[str, Contrast], tests: Tests) -> pd.DataFrame:
    """measured.csv: a row for the contrast of each claim, by the claim's id."""
    rows = [(claim, *measure(contrast, tests)) for claim, contrast in contrasts.items()]
    return pd.DataFrame(rows, columns=list(MEASURED_COLUMNS))


def read_measured(path: Path) -> dict[str, Measured]:
    """What was measured, by the claim's id. Raises BadInput if it is no measured.csv."""
    rows = read_csv(path, MEASURED_COLUMNS).itertuples(index=False)
    return {claim: Measured(*fields) for claim, *fields in rows}
