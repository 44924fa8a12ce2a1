"""The COCO API is the judge of every metric and every point of the curves."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from cornernet.evaluation.coco_metrics import (
    METRICS,
    average_precision_by_category,
    evaluate_detections,
    precision_recall,
    summary_lines,
)
from cornernet.evaluation.matching import AREA_NAMES, IOU_THRESHOLDS
from evaluation.reference import coco_evaluation, coco_metrics, random_split

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
    expected = coco_metrics(content, results)
    found = evaluate_detections(content, results).metrics
    assert tuple(found) == METRICS
    for name in METRICS:
        if expected[name] is None:
            assert found[name] is None, name
        else:
            assert found[name] / 100 == pytest.approx(expected[name], abs=1e-12), name


def test_the_random_splits_hold_what_they_should():
    """Ties, crowds that are hit, full groups, ignored areas: else the test above shows little."""
    splits = [random_split(seed) for seed in range(40)]
    assert any(len(rows) > 30 and row["iscrowd"] for c, rows in splits for row in c["annotations"])
    undefined = 0
    for content, results in splits:
        scores = [(row["image_id"], row["category_id"], row["score"]) for row in results]
        assert len(set(scores)) < len(scores)
        undefined += None in evaluate_detections(content, results).metrics.values()
    assert 0 < undefined < 40
    content, _ = splits[0]
    assert [row["id"] for row in content["images"]] != sorted(
        row["id"] for row in content["images"]
    )


def test_curves_and_categories_equal_the_coco_api():
    content, results = random_split(7, images=12)
    reference = coco_evaluation(content, results)[0].eval["precision"]  # [T, 101, C, A, M]
    evaluated = evaluate_detections(content, results)
    for area, name in enumerate(AREA_NAMES):
        for step, iou in enumerate(IOU_THRESHOLDS):
            for index, category in enumerate(evaluated.category_ids.tolist()):
                expected = reference[step, :, index, area, 2]
                curve = precision_recall(evaluated, iou, name, category).precision
                if expected[0] == -1:
                    assert np.isnan(curve).all()
                else:
                    np.testing.assert_allclose(curve, expected, atol=1e-12)
    by_category = average_precision_by_category(evaluated)
    known = [value for value in by_category.values() if value is not None]
    assert len(known) == 3  # the last category has no object
    assert np.mean(known) == pytest.approx(evaluated.metrics["AP"])
    curve = precision_recall(evaluated, 0.75)
    assert 100 * curve.precision.mean() == pytest.approx(evaluated.metrics["AP75"])
    assert (np.diff(curve.precision) <= 0).all()


def test_curves_refuse_what_is_not_there():
    evaluated = evaluate_detections(*random_split(1))
    with pytest.raises(ValueError, match=r"0\.55"):
        precision_recall(evaluated, 0.52)
    with pytest.raises(ValueError, match="area 'huge' is not one of all, small"):
        precision_recall(evaluated, area="huge")
    with pytest.raises(ValueError, match="category 999 is not one of"):
        precision_recall(evaluated, category_id=999)


def test_summary_is_the_coco_apis_to_the_letter():
    content, results = random_split(3, images=12)
    _, printed = coco_evaluation(content, results)
    metrics = evaluate_detections(content, results).metrics
    assert None not in metrics.values()
    assert summary_lines(metrics) == printed.splitlines()


def test_nothing_detected_is_zero_and_no_objects_is_undefined():
    content, _ = random_split(3, images=12)
    assert set(evaluate_detections(content, []).metrics.values()) == {0.0}
    empty = {**content, "annotations": []}
    metrics = evaluate_detections(empty, []).metrics
    assert set(metrics.values()) == {None}
    assert summary_lines(metrics)[0].endswith("= undefined")


def test_annotations_may_be_numbered_from_zero():
    """The COCO API takes a match with annotation 0 for none; here ids have no such meaning."""
    content, results = random_split(5)
    shifted = [{**row, "id": row["id"] - 1} for row in content["annotations"]]
    found = evaluate_detections({**content, "annotations": shifted}, results).metrics
    assert found == evaluate_detections(content, results).metrics


def test_area_and_crowd_have_defaults():
    content, results = random_split(5, crowded=False)
    plain = {**content, "annotations": []}
    for row in content["annotations"]:
        row["area"] = row["bbox"][2] * row["bbox"][3]
        plain["annotations"].append({k: row[k] for k in ("id", "image_id", "category_id", "bbox")})
    assert evaluate_detections(plain, results).metrics == (
        evaluate_detections(content, results).metrics
    )


def test_evaluated_survives_pickling():
    evaluated = evaluate_detections(*random_split(2))
    again = pickle.loads(pickle.dumps(evaluated))
    assert again.metrics == evaluated.metrics
    np.testing.assert_array_equal(again.rankings.entries, evaluated.rankings.entries)
