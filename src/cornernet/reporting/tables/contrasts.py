"""A contrast: scores of tested models added and subtracted, with the noise of images and training.

A difference of two models is one, a difference of two differences, and a score less a number that
is exact. Its error over images comes from halves that are the same for all of its scores
(`evaluation.half_sampling`), its error over trainings from `reporting.training_noise`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from cornernet.config.schema import Split
from cornernet.evaluation.half_sampling import HalfSampled, standard_error
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.tables.literature import Cell, Comparison
from cornernet.reporting.tables.seeds import select, status
from cornernet.reporting.training_noise import TrainingNoise, column_of


@dataclass(frozen=True)
class Contrast:
    """(cell, metric) -> how often that score is added, on one split; and a constant, added once."""

    split: Split
    weights: Mapping[tuple[Cell, str], int]
    constant: float | None = None  # in percent, exact; None: tested models alone are compared


class Measured(NamedTuple):
    """A contrast in points, with two standard errors; `reason` says why something is unknown."""

    value: float | None
    images: float | None = None  # over test sets of this size; None: unknown
    training: float | None = None  # over trainings, with one seed of each variant; None: unknown
    df: float = math.inf  # degrees of freedom of `training`
    seeds: int = 1
    noise: str = ""  # where `training` is from
    one_training: bool = False  # tests of one training compared: their order holds for that model
    exact: bool = False  # a server's score: exact on its images, with no error over others
    reason: str = ""


@dataclass(frozen=True)
class Tests:
    """The tests of a run: results.csv, the halves of each test, and the noise of training.

    `halves` gives those of a split, variant, mode and seed; None for scores from a server.
    """

    results: pd.DataFrame
    halves: Callable[[Split, Cell, int], HalfSampled | None]
    noise: TrainingNoise

    @cached_property
    def scores(self) -> dict[tuple[str, str, str], dict[str, dict[int, float]]]:
        """(split, variant, mode) -> metric -> seed -> value, of what was scored and is defined."""
        found: dict[tuple[str, str, str], dict[str, dict[int, float]]] = {}
        for row in self.results.dropna(subset="value").itertuples():
            of_test = found.setdefault((row.split, row.variant, row.mode), {})
            of_test.setdefault(row.metric, {})[row.seed] = row.value
        return found

    def scored(self, split: Split, cell: Cell) -> bool:
        """Whether a test has any score."""
        return (split, cell.variant, cell.mode) in self.scores


def difference_of(comparison: Comparison, metric: str) -> Contrast:
    """One tested model minus another in one metric."""
    pair = {(comparison.cell, metric): 1, (comparison.reference, metric): -1}
    return Contrast(comparison.split, pair)


def measure(contrast: Contrast, tests: Tests) -> Measured:
    """The contrast's value and errors; over several seeds, of the mean over them.

    Without a value, `reason` says which score is missing, or that the seeds do not match.
    """
    scores = {}
    for cell, metric in contrast.weights:
        tested = tests.scores.get((contrast.split, cell.variant, cell.mode), {})
        state = "scored" if tested else status(select(tests.results, contrast.split, cell))
        if state != "scored":
            return Measured(None, reason=f"{cell} on {contrast.split}: {state}")
        if metric not in tested:
            return Measured(None, reason=f"{metric} of {cell} is undefined")
        scores[cell, metric] = tested[metric]
    seeds, *others = [sorted(values) for values in scores.values()]
    if any(other != seeds for other in others):
        numbers = {cell.variant: sorted(values) for (cell, _), values in scores.items()}
        told = ", ".join(f"{name} has {values}" for name, values in numbers.items())
        return Measured(None, reason=f"the seeds scored differ: {told}")
    value = contrast.constant or 0.0
    for key, weight in contrast.weights.items():
        value += weight * float(np.mean(list(scores[key].values())))
    return _with_errors(contrast, tests, value, seeds)


def _with_errors(contrast: Contrast, tests: Tests, value: float, seeds: list[int]) -> Measured:
    """The contrast with this value, the mean over `seeds`, and what is known of its errors."""
    parts = [
        (weight / len(seeds), METRICS.index(metric), tests.halves(contrast.split, cell, seed))
        for (cell, metric), weight in contrast.weights.items()
        for seed in seeds
    ]
    images, known = None, [(weight, at, half) for weight, at, half in parts if half is not None]
    if len(known) == len(parts):
        total = sum(weight * half.values[:, at] for weight, at, half in known)
        images = standard_error(np.asarray(total), known[0][2].images)
    owners = tests.noise.owners
    by_model: dict[str, dict[str, float]] = {}
    for (cell, metric), weight in contrast.weights.items():
        column = column_of(cell.variant, contrast.split, cell.mode, metric, owners)
        by_model.setdefault(owners.get(cell.variant, cell.variant), {})[column] = weight
    spreads = [tests.noise.of(weights) for weights in by_model.values()]
    found = [spread for spread in spreads if spread is not None]
    measured = Measured(
        value,
        images,
        seeds=len(seeds),
        one_training=len(by_model) == 1 and contrast.constant is None and len(contrast.weights) > 1,
        exact=len(known) < len(parts),
    )
    if len(found) < len(spreads):
        return measured._replace(reason="training noise unknown: one seed, and none recorded")
    return measured._replace(
        training=math.hypot(*(spread.sd for spread in found)),
        df=min(spread.df for spread in found),
        noise=" and ".join(sorted({spread.source for spread in found})),
    )


def combined(images: float, training: float, df: float) -> tuple[float, float]:
    """Both errors in quadrature, with Welch and Satterthwaite's degrees of freedom of the sum.

    `df` are those of `training`; `images` is known.
    """
    both = math.hypot(images, training)
    return both, df * (both / training) ** 4 if training > 0 else math.inf


def half_width(images: float, training: float, df: float, confidence: float) -> float:
    """Of the interval for both errors, by Student's t."""
    from scipy.stats import t  # takes time to import

    both, freedom = combined(images, training, df)
    return float(t.ppf(0.5 + confidence / 2, freedom)) * both


def errors_of(measured: Measured) -> tuple[float, float] | None:
    """Errors over images and trainings of what is shown; None where one is unknown.

    Trainings put none into tests of one training, which hold for that model; a server's score has
    none over images.
    """
    images = 0.0 if measured.exact else measured.images
    training = 0.0 if measured.one_training else measured.training
    if measured.value is None or images is None or training is None:
        return None
    return images, training / math.sqrt(measured.seeds)
