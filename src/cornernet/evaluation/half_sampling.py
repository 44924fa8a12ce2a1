"""Confidence intervals of the metrics, and of differences, by half-sampling the images.

A half is n // 2 of the split's n images, drawn without replacement; its metrics are those that the
COCO API computes of these images alone. The interval is the value, plus and minus z times the
standard deviation of the halves' values, times sqrt(m / (n - m)) for halves of m images. It says
where the score of another test set of this size would lie. (The score of all images in the world is
another matter: with many categories and few images average precision is biased upwards.) Halves in
which a metric is undefined are left out.

A bootstrap draws images twice, and the copies of a true positive raise average precision: its
intervals sit too high. Half-sampling draws none twice.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from cornernet.evaluation.coco_metrics import Evaluated, category_values, metric_values
from cornernet.evaluation.metric_names import CATEGORY_METRICS, METRICS, defined

# Halves computed at once: few enough that their masks (5 kB each for val2017) stay in cache.
_BLOCK = 10
_FEWEST = 2  # halves in which a metric must be defined for a standard deviation


class Interval(NamedTuple):
    """A metric in percent with its interval; None where undefined."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


class HalfSampled(NamedTuple):
    """M scores of one model on a split of `images` images, and on each half, in percent."""

    scores: Mapping[str, float | None]  # None where undefined
    values: np.ndarray  # float64 [halves, M]; NaN where undefined
    images: int

    def halves_of(self, name: str) -> np.ndarray:
        """One score on each half, [halves]."""
        return self.values[:, list(self.scores).index(name)]


def half_sampled_metrics(
    evaluated: Evaluated, halves: int, seed: int, threads: int | None = None
) -> HalfSampled:
    """METRICS of the split and of each half; see `half_sample`."""

    def values_of(chosen: np.ndarray) -> np.ndarray:
        return metric_values(evaluated.rankings, chosen)

    return half_sample(values_of, METRICS, len(evaluated.image_ids), halves, seed, threads)


def half_sampled_categories(evaluated: Evaluated, halves: int, seed: int) -> HalfSampled:
    """CATEGORY_METRICS of each category in turn, of the split and of each half.

    A score is called as the metric, a hyphen and the category.
    """
    names = [f"{metric}-{name}" for name in evaluated.categories for metric in CATEGORY_METRICS]

    def values_of(chosen: np.ndarray) -> np.ndarray:
        return category_values(evaluated.rankings, chosen).reshape(len(chosen), -1)

    return half_sample(values_of, names, len(evaluated.image_ids), halves, seed)


def half_sample(
    values_of: Callable[[np.ndarray], np.ndarray],
    names: Sequence[str],
    images: int,
    halves: int,
    seed: int,
    threads: int | None = None,
) -> HalfSampled:
    """What `values_of` makes of the split and of each half: scores called `names`.

    It is called with bool [R, images], the images of a few halves, and returns [R, names]. The same
    seed and number of images draw the same images, whatever was detected in them: that is what
    makes differences paired. `threads` (None: one per processor allowed) changes nothing but the
    time.
    """
    chosen = draw_halves(images, halves, seed)
    blocks = [chosen[start : start + _BLOCK] for start in range(0, halves, _BLOCK)]
    # not every system tells how many processors this process may use
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(threads or allowed) as pool:
        done = list(pool.map(values_of, [np.ones((1, images), dtype=bool), *blocks]))
    whole, *values = np.concatenate(done)
    scores = dict(zip(names, map(defined, whole.tolist()), strict=True))
    return HalfSampled(scores, np.reshape(values, (halves, len(names))), images)


def draw_halves(images: int, halves: int, seed: int) -> np.ndarray:
    """Which images each half has, bool [halves, images].

    Each half has a random stream of its own, so the first hundred of a thousand are the same as a
    hundred.
    """
    chosen = np.zeros((halves, images), dtype=bool)
    for index in range(halves):
        drawn = np.random.default_rng([seed, index]).permutation(images)[: images // 2]
        chosen[index, drawn] = True
    return chosen


def standard_error(values: np.ndarray, images: int) -> float:
    """Of a score of `images` images, from its values on halves of them; NaN: undefined there.

    NaN without halves, and for a single image.
    """
    half, known = images // 2, values[~np.isnan(values)]
    if half == 0 or len(known) < _FEWEST:
        return math.nan
    return float(known.std(ddof=1)) * math.sqrt(half / (images - half))


def score_intervals(sampled: HalfSampled, confidence: float) -> dict[str, Interval]:
    """Each score with its interval, which lies within 0 and 100; None where it has none."""
    factor = NormalDist().inv_cdf(0.5 + confidence / 2)
    result = {}
    for name, score in sampled.scores.items():
        value = math.nan if score is None else score
        half = factor * standard_error(sampled.halves_of(name), sampled.images)
        ends = np.clip([value - half, value + half], 0, 100).tolist()
        result[name] = Interval(score, *map(defined, ends))
    return result
