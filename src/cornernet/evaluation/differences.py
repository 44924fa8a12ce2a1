"""Paired differences between two models tested on the same images."""

from collections.abc import Mapping

import numpy as np

from cornernet.errors import BadInput
from cornernet.evaluation.bootstrap import Interval, intervals
from cornernet.evaluation.coco_metrics import Evaluated


def difference_of(
    metrics: Mapping[str, float | None],
    reference_metrics: Mapping[str, float | None],
    values: np.ndarray,
    reference_values: np.ndarray,
    confidence: float,
) -> dict[str, Interval]:
    """Each of M metrics minus that of the reference, in points, with its bootstrap interval.

    The resampled values, float64 [resamples, M] each, must be drawn with one seed: both models are
    then resampled with the same images, so what makes an image hard for both cancels.
    """
    points: dict[str, float | None] = {}
    for name, value in metrics.items():
        other = reference_metrics[name]
        points[name] = None if value is None or other is None else value - other
    return intervals(points, values - reference_values, confidence)


def check_paired(variant: Evaluated, reference: Evaluated) -> None:
    """Raise BadInput unless both were tested on the same images and categories."""
    for what in ("image_ids", "category_ids"):
        ids, other = getattr(variant, what), getattr(reference, what)
        if not np.array_equal(ids, other):
            raise BadInput(
                f"two models cannot be paired: they were tested on {len(ids)} and {len(other)} "
                f"{what.replace('_', ' ')} that differ; test both on the same split"
            )
