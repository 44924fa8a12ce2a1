"""Confidence intervals of the metrics, and of differences, by a bootstrap over images.

A resample draws as many images as the split has, with replacement; an image drawn twice counts as
two images. Its metrics are accumulated exactly as those of the split itself. The interval is the
percentile interval: the (1 - confidence) / 2 quantile of the resampled values and its mirror,
linearly interpolated. Resamples in which a metric is undefined are left out of its quantiles.

Average precision tends to be higher in a resample than in the split (the second copy of a true
positive raises the curve), so on a hundred images the interval sits high and the value may lie near
its lower end; on COCO's five thousand this is small. No correction is made.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from cornernet.errors import BadInput
from cornernet.evaluation.coco_metrics import Evaluated, metric_values
from cornernet.evaluation.metric_names import METRICS

# resamples computed at once: few enough that their weights (20 kB each for val2017) stay in cache
_BLOCK = 10


class Interval(NamedTuple):
    """A metric, or a difference of two, in percent, with its interval; None where undefined."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


class Resampled(NamedTuple):
    """M scores of one model on a split, and on each resample of the split's images, in percent."""

    scores: Mapping[str, float | None]  # None where undefined
    values: np.ndarray  # float64 [resamples, M]; NaN where undefined


def confidence_intervals(
    evaluated: Evaluated,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
    threads: int | None = None,
) -> dict[str, Interval]:
    """Every metric with its interval; without resamples (0) the intervals are None."""
    return intervals(resampled_metrics(evaluated, resamples, seed, threads), confidence)


def resampled_metrics(
    evaluated: Evaluated, resamples: int, seed: int, threads: int | None = None
) -> Resampled:
    """METRICS of the split and of each resample.

    The same seed and number of images draw the same images, whatever was detected in them: that
    is what makes differences paired. `threads` (None: one per processor allowed) changes
    nothing but the time.
    """
    images = len(evaluated.image_ids)

    def values_of(weights: np.ndarray) -> np.ndarray:
        return metric_values(evaluated.rankings, weights)

    values = resampled_values(values_of, len(METRICS), images, resamples, seed, threads)
    return Resampled(evaluated.metrics, values)


def resampled_values(
    values_of: Callable[[np.ndarray], np.ndarray],
    num_values: int,
    images: int,
    resamples: int,
    seed: int,
    threads: int | None = None,
) -> np.ndarray:
    """`values_of` the image weights of every resample: float64 [resamples, num_values].

    It takes the weights of a few resamples, int32 [R, images], and returns [R, num_values].
    """
    weights = image_weights(images, resamples, seed)
    blocks = [weights[start : start + _BLOCK] for start in range(0, resamples, _BLOCK)]
    # not every system tells how many processors this process may use
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(threads or allowed) as pool:
        done = list(pool.map(values_of, blocks))
    return np.concatenate(done) if done else np.zeros((0, num_values))


def image_weights(images: int, resamples: int, seed: int) -> np.ndarray:
    """How often each image is drawn, int32 [resamples, images].

    Each resample has a random stream of its own: more resamples leave the first ones as they are.
    """
    weights = np.zeros((resamples, images), dtype=np.int32)
    for index in range(resamples):
        drawn = np.random.default_rng([seed, index]).integers(images, size=images)
        weights[index] = np.bincount(drawn, minlength=images)
    return weights


def intervals(scored: Resampled, confidence: float) -> dict[str, Interval]:
    """Each score with the percentile interval of its resampled values."""
    tail = (1 - confidence) / 2
    result = {}
    for (name, score), values in zip(scored.scores.items(), scored.values.T, strict=True):
        known = values[~np.isnan(values)]
        if score is None or not len(known):
            result[name] = Interval(score, None, None)
        else:
            low, high = np.quantile(known, (tail, 1 - tail)).tolist()
            result[name] = Interval(score, low, high)
    return result


def paired_difference(
    variant: Resampled, reference: Resampled, confidence: float
) -> dict[str, Interval]:
    """Each score minus that of the reference, in points, with its bootstrap interval.

    The resampled values must be drawn with one seed: both models are then resampled with the same
    images, so what makes an image hard for both cancels.
    """
    points: dict[str, float | None] = {}
    for name, value in variant.scores.items():
        other = reference.scores[name]
        points[name] = None if value is None or other is None else value - other
    return intervals(Resampled(points, variant.values - reference.values), confidence)


def check_paired(variant: Evaluated, reference: Evaluated) -> None:
    """Raise BadInput unless both were tested on the same images and categories."""
    for what in ("image_ids", "category_ids"):
        ids, other = getattr(variant, what), getattr(reference, what)
        if not np.array_equal(ids, other):
            raise BadInput(
                f"two models cannot be paired: they were tested on {len(ids)} and {len(other)} "
                f"{what.replace('_', ' ')} that differ; test both on the same split"
            )
