"""How often an interval by half-sampling holds the mean score of test sets of the same size.

From a population of simulated detections (`simulated`), test sets are drawn again and again; each
gets its intervals as a run does. `same n` is the share of them that hold the mean over all drawn
test sets of n images; beside it the mean width, and how far that mean lies from the score of the
whole population, which no interval holds (docs/explanation/numbers.md).
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from benchmarks.measuring import Settings
from benchmarks.record import Record
from benchmarks.simulated import Population, population, rankings_of
from cornernet.evaluation.coco_metrics import metric_values
from cornernet.evaluation.half_sampling import HalfSampled, half_sample, standard_error
from cornernet.evaluation.matching import Matches
from cornernet.evaluation.metric_names import METRICS
from cornernet.progress import Progress

CONFIDENCE = 0.95
SCORES = ("AP", "AP_small", "AP_large")
DIFFERENCE = "difference of AP"  # of two models on the same images
IMAGES, CATEGORIES = (100, 300, 1000), (80, 4)
TIMES = 20  # the population has as many images as this times the largest test set
SAMPLES, QUICK_SAMPLES = 1000, 3
HALVES, QUICK_HALVES = 100, 10  # the error is then itself off by 1 / sqrt(2 * 100)


class Covered(NamedTuple):
    """One cell: of a number of drawn test sets, how many intervals held what they should."""

    what: str
    held: int
    width: float  # points, the mean
    bias: float  # points: the mean over test sets of this size less the population's


def coverage(settings: Settings, record: Record) -> None:
    """Record every cell: sizes of the test set, numbers of categories, and scores."""
    samples, halves = (SAMPLES, HALVES) if not settings.quick else (QUICK_SAMPLES, QUICK_HALVES)
    sizes = IMAGES if not settings.quick else (20,)
    record.sizes(samples=samples, halves=halves, population=TIMES * max(sizes))
    record.note(f"intervals of {CONFIDENCE:.0%}; boxes and detectors are simulated")
    for categories in CATEGORIES:
        whole = population(TIMES * max(sizes), categories, seed=0)
        every = np.arange(whole.images)
        first, second = (_scores(whole, matches, every)[0] for matches in whole.models)
        record.note(f"{categories} categories: AP {first:.1f} and {second:.1f} of all images")
        for images in sizes:
            cells = covered(whole, images, samples, halves, settings.threads)
            for what, held, width, bias in cells:
                cell = f"{what}, {categories} categories, {images:,} images"
                record.add(cell, "same n", [100 * held / samples], "%")
                record.add(cell, "width", [width], "points")
                record.add(cell, "bias", [bias], "points")


def covered(
    whole: Population, images: int, samples: int, halves: int, threads: int | None = None
) -> list[Covered]:
    """Draw test sets of so many images, and see how often their intervals hold the mean of all."""
    factor = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    drawn = _drawn(whole, images, samples, halves, threads)
    found = np.array([_with_errors(first, second, images) for first, second in drawn])
    values, margins = found[..., 0], factor * found[..., 1]  # [samples, cells]
    mean = np.nanmean(values, axis=0)
    held = (np.abs(values - mean) <= margins).sum(axis=0)
    first, second = (_scores(whole, matches, np.arange(whole.images)) for matches in whole.models)
    bias = mean - [*first, first[0] - second[0]]
    widths = 2 * np.nanmean(margins, axis=0)
    cells = zip((*SCORES, DIFFERENCE), held.tolist(), widths.tolist(), bias.tolist(), strict=True)
    return [Covered(*cell) for cell in cells]


def _drawn(
    whole: Population, images: int, samples: int, halves: int, threads: int | None
) -> Iterator[tuple[HalfSampled, HalfSampled]]:
    """Both models' scores on one test set after the other, and on its halves."""
    with Progress(f"test sets of {images:,} images", samples) as progress:
        for sample in range(samples):
            random = np.random.default_rng([images, whole.categories, sample])
            drawn = random.choice(whole.images, images, replace=False)
            first, second = (
                half_sample(
                    partial(metric_values, rankings_of(matches, drawn, whole)),
                    METRICS, images, halves, sample, threads,
                )
                for matches in whole.models
            )  # fmt: skip
            yield first, second
            progress(sample + 1, samples)


def _with_errors(first: HalfSampled, second: HalfSampled, images: int) -> list[tuple[float, float]]:
    """Each of SCORES, then the difference, with its standard error."""
    halves = [first.halves_of(name) for name in SCORES]
    halves.append(halves[0] - second.halves_of("AP"))
    values = [_number(first, name) for name in SCORES]
    values.append(values[0] - _number(second, "AP"))
    errors = [standard_error(each, images) for each in halves]
    return list(zip(values, errors, strict=True))


def _number(sampled: HalfSampled, name: str) -> float:
    score = sampled.scores[name]
    return math.nan if score is None else score


def _scores(whole: Population, matches: Matches, drawn: np.ndarray) -> Sequence[float]:
    """SCORES of one model on these images."""
    rankings = rankings_of(matches, drawn, whole)
    values = metric_values(rankings, np.ones((1, len(drawn)), bool))[0].tolist()
    return [values[METRICS.index(name)] for name in SCORES]
