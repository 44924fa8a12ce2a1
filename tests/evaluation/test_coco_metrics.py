"""The COCO API is the judge of every metric and every point of the curves."""

from pathlib import Path

import numpy as np
import pytest

from cornernet.evaluation.coco_metrics import (
    average_precision_by_category,
    category_values,
    curves_by_category,
    evaluate_detections,
    precision_recall,
)
from cornernet.evaluation.matching import IOU_THRESHOLDS
from cornernet.evaluation.metric_names import METRICS, summary_lines
from evaluation.reference import (
    assert_equal_metrics,
    coco_evaluation,
    coco_metrics,
    evaluated,
    random_split,
)

GOLDEN = Path(__file__).parents[2].parent / "shared" / "data" / "coco_eval_golden"


@pytest.mark.skipif(not GOLDEN.exists(), reason=f"the COCO API's golden pair is not in {GOLDEN}")
def test_published_figures_of_the_golden_pair():
    evaluated = evaluate_detections(
        GOLDEN / "annotations" / "instances_val2014_100.json",
        GOLDEN / "results" / "instances_val2014_fakebbox100_results.json",
    )
    figures = [line.split("= ")[-1] for line in summary_lines(evaluated.metrics)]
    precision = ["0.505", "0.697", "0.573", "0.586", "0.519", "0.501"]
    assert figures == [*precision, "0.387", "0.594", "0.595", "0.640", "0.566", "0.564"]


@pytest.mark.parametrize("seed", range(40))
def test_equals_the_coco_api(seed):
    content, results = random_split(seed, images=1 + seed % 9, decimals=1 + seed % 3)
    metrics = evaluated(content, results).metrics
    assert tuple(metrics) == METRICS
    assert_equal_metrics(metrics.values(), coco_metrics(content, results))


def test_curves_and_categories_equal_the_coco_api():
    content, results = random_split(7, images=12)
    judged = coco_evaluation(content, results)[0].eval
    reference, recall = judged["precision"][..., 0, 2], judged["recall"][..., 0, 2]
    assert (reference.shape, recall.shape) == ((10, 101, 4), (10, 4))
    with_objects = (reference > -1).all(axis=(0, 1))
    assert with_objects.sum() == 3  # one category has none
    known = reference[:, :, with_objects]
    scored = evaluated(content, results)
    for step, iou in enumerate(IOU_THRESHOLDS):
        curve = precision_recall(scored, iou)
        np.testing.assert_allclose(curve.precision, known[step].mean(axis=1), atol=1e-12)
    np.testing.assert_array_equal(curve.recall, np.linspace(0, 1, 101))
    found = np.array(list(average_precision_by_category(scored).values()))
    assert found[with_objects].tolist() == pytest.approx(100 * known.mean(axis=(0, 1)))
    assert found[~with_objects].tolist() == [None]
    every = np.ones((1, 12), dtype=bool)
    of_each = category_values(scored.rankings, every)[0][with_objects]  # [C, CATEGORY_METRICS]
    expected = [
        known.mean(axis=(0, 1)),
        *known[[0, 5]].mean(axis=1),
        recall.mean(axis=0)[with_objects],
    ]
    np.testing.assert_allclose(of_each, 100 * np.transpose(expected))
    curves = curves_by_category(scored, 0.5)
    assert list(curves) == np.array(scored.categories)[with_objects].tolist()
    np.testing.assert_allclose([c.precision for c in curves.values()], known[0].T, atol=1e-12)
    nothing = evaluated({**content, "annotations": []}, results)
    assert np.isnan(precision_recall(nothing, 0.5).precision).all()


def test_summary_is_the_coco_apis_to_the_letter():
    content, results = random_split(3, images=12)
    _, printed = coco_evaluation(content, results)
    metrics = evaluated(content, results).metrics
    assert None not in metrics.values()
    assert summary_lines(metrics) == printed.splitlines()
    # nothing detected is zero, and no objects is undefined
    assert set(evaluated(content, []).metrics.values()) == {0.0}
    empty = {**content, "annotations": []}
    metrics = evaluated(empty, []).metrics
    assert set(metrics.values()) == {None}
    assert summary_lines(metrics)[0].endswith("= undefined")


def test_annotations_may_be_numbered_from_zero():
    """The COCO API takes a match with annotation 0 for none; here ids have no such meaning."""
    content, results = random_split(5)
    shifted = [{**row, "id": row["id"] - 1} for row in content["annotations"]]
    found = evaluated({**content, "annotations": shifted}, results).metrics
    assert found == evaluated(content, results).metrics
