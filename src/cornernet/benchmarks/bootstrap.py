"""Confidence intervals of all metrics: a thousand resamples of a whole split.

No library does this; what it is held against is one resample written out as a data set of its own,
copies as separate images, and evaluated from the beginning.
"""

from functools import partial
from typing import Any

import numpy as np

from cornernet.benchmarks import splits
from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.record import Claim, Result, timed
from cornernet.benchmarks.timing import Side, Spread, time_in_turn
from cornernet.evaluation.bootstrap import image_weights, resampled_metrics
from cornernet.evaluation.coco_metrics import METRICS, Evaluated, evaluate_detections

RESAMPLES = 1000
QUICK_RESAMPLES = 12
WRITTEN_OUT = "one resample written out and evaluated"
AIM_SECONDS = 120.0
SEED = 0
SAME = 1e-7  # of metrics in percent


def run(conditions: Conditions) -> Result:
    """Time all resamples, and one that is written out."""
    content, origin = splits.annotations(conditions.data, conditions.quick)
    an_image = splits.QUICK_DETECTIONS if conditions.quick else splits.DETECTIONS
    detections = splits.made_detections(content, an_image)
    evaluated = evaluate_detections(content, detections)
    count = QUICK_RESAMPLES if conditions.quick else RESAMPLES
    weights = image_weights(len(evaluated.image_ids), 1, SEED)[0]
    whole = partial(evaluate_detections, *splits.written_out(content, detections, weights))
    check = _check(evaluated, whole().metrics)
    window = conditions.window(rounds=3, seconds=60)
    sides: dict[str, Side] = {
        f"{count} resamples": partial(
            resampled_metrics, evaluated, count, SEED, conditions.threads
        ),
        WRITTEN_OUT: whole,
    }
    times = time_in_turn(sides, window, warm_up=False)
    taken = times[f"{count} resamples"]
    return Result(
        measurements=tuple(timed("", times, precision="float64")),
        claims=(Claim("", "seconds", Spread.of(list(taken.seconds)), AIM_SECONDS, at_least=False),),
        checks=(check,),
        notes=(origin,),
        sizes={
            "resamples": count,
            "images": len(evaluated.image_ids),
            "categories": len(evaluated.category_ids),
            "detections": len(detections),
        },
        window=window,
    )


def _check(evaluated: Evaluated, expected: dict[str, Any]) -> str:
    """The first resample, as swept and as written out."""
    swept = resampled_metrics(evaluated, 1, SEED, threads=1)[0]
    values = [expected[name] for name in METRICS]
    written = np.array([np.nan if value is None else value for value in values], float)
    return require_same("the first resample's 16 metrics", swept, written, tolerance=SAME)
