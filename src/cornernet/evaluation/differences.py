"""Paired differences between two models tested on the same images."""

import numpy as np

from cornernet.errors import BadInput
from cornernet.evaluation.bootstrap import Interval, intervals, resampled_metrics
from cornernet.evaluation.coco_metrics import METRICS, Evaluated


def paired_difference(
    variant: Evaluated,
    reference: Evaluated,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
    threads: int | None = None,
) -> dict[str, Interval]:
    """Every metric of `variant` minus that of `reference`, in points, with its interval.

    Both are resampled with the same images, so what makes an image hard for both cancels. Costs
    two bootstraps; to hold many variants against one reference, keep each model's
    `resampled_metrics` and call `difference_of`. Raises BadInput if the two were not tested on
    the same images and categories.
    """
    check_paired(variant, reference)
    return difference_of(
        variant.metrics,
        reference.metrics,
        resampled_metrics(variant, resamples, seed, threads),
        resampled_metrics(reference, resamples, seed, threads),
        confidence,
    )


def difference_of(
    metrics: dict[str, float | None],
    reference_metrics: dict[str, float | None],
    values: np.ndarray,
    reference_values: np.ndarray,
    confidence: float,
) -> dict[str, Interval]:
    """The same from metrics and `resampled_metrics` [resamples, 16] drawn with one seed."""
    points: dict[str, float | None] = {}
    for name in METRICS:
        mine, other = metrics[name], reference_metrics[name]
        points[name] = None if mine is None or other is None else mine - other
    return intervals(points, values - reference_values, confidence)


def check_paired(variant: Evaluated, reference: Evaluated) -> None:
    """Raise BadInput unless both were tested on the same images and categories."""
    for what in ("image_ids", "category_ids"):
        mine, other = getattr(variant, what), getattr(reference, what)
        if not np.array_equal(mine, other):
            raise BadInput(
                f"two models cannot be paired: they were tested on {len(mine)} and {len(other)} "
                f"{what.replace('_', ' ')} that differ; test both on the same split"
            )
