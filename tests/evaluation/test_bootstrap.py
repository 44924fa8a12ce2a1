"""A resample is held against the COCO API on a split with the copies written out."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.bootstrap import (
    confidence_intervals,
    image_weights,
    resampled_metrics,
)
from cornernet.evaluation.coco_metrics import METRICS, evaluate_detections, metric_values
from cornernet.evaluation.differences import paired_difference
from evaluation.reference import coco_metrics, random_split, with_copies

VAL2017 = Path(__file__).parents[2].parent / "shared" / "data" / "coco_val2017_boxes"


@pytest.mark.parametrize("seed", range(12))
def test_a_resample_equals_the_coco_api_on_written_out_copies(seed):
    content, results = random_split(seed, images=7, decimals=1)  # one decimal: many ties
    evaluated = evaluate_detections(content, results)
    weights = image_weights(7, 3, seed)
    assert weights.max() > 1
    found = metric_values(evaluated.rankings, weights) / 100
    for row, drawn in zip(found, weights.tolist(), strict=True):
        expected = coco_metrics(*with_copies(content, results, drawn))
        for name, value in zip(METRICS, row.tolist(), strict=True):
            if expected[name] is None:
                assert np.isnan(value), name
            else:
                assert value == pytest.approx(expected[name], abs=1e-12), name


def test_the_identity_resample_is_the_split_itself():
    content, results = random_split(4, images=9)
    evaluated = evaluate_detections(content, results)
    ones = metric_values(evaluated.rankings, np.ones((1, 9), dtype=np.int32))[0]
    expected = coco_metrics(content, results)
    for name, value in zip(METRICS, ones.tolist(), strict=True):
        assert value / 100 == pytest.approx(expected[name], abs=1e-12)
        assert value == evaluated.metrics[name]


def test_weights_are_draws_with_replacement_from_streams_of_their_own():
    weights = image_weights(50, 400, seed=3)
    assert (weights.sum(axis=1) == 50).all()
    assert (weights.mean(axis=0) - 1).std() < 0.1  # each image about once a resample
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)  # of a multinomial draw
    np.testing.assert_array_equal(weights[:10], image_weights(50, 10, seed=3))
    assert (image_weights(50, 10, seed=4) != weights[:10]).any()


def test_the_same_seed_gives_the_same_values_on_any_number_of_threads():
    evaluated = evaluate_detections(*random_split(6, images=20))
    values = resampled_metrics(evaluated, 35, seed=1, threads=1)
    assert values.shape == (35, 16)
    np.testing.assert_array_equal(values, resampled_metrics(evaluated, 35, seed=1, threads=3))
    assert (values != resampled_metrics(evaluated, 35, seed=2)).any()


def test_intervals_are_percentiles_of_the_resampled_values():
    evaluated = evaluate_detections(*random_split(6, images=20))
    values = resampled_metrics(evaluated, 200, seed=1)
    wide = confidence_intervals(evaluated, 200, 1, confidence=0.95)
    narrow = confidence_intervals(evaluated, 200, 1, confidence=0.5)
    for column, name in enumerate(METRICS):
        value, low, high = wide[name]
        assert value == evaluated.metrics[name]
        assert [low, high] == pytest.approx(np.nanpercentile(values[:, column], [2.5, 97.5]))
        assert low <= narrow[name].ci_low <= narrow[name].ci_high <= high
        assert low < high


def test_an_undefined_metric_has_no_interval():
    content, results = random_split(6, images=20)
    small = [row for row in content["annotations"] if row["area"] < 900]
    found = confidence_intervals(
        evaluate_detections({**content, "annotations": small}, results), 50, 0
    )
    assert found["AP_large"] == (None, None, None)
    assert None not in found["AP_small"]


def test_a_metric_that_some_resamples_lack_has_an_interval_from_the_others():
    content, results = random_split(6, images=4)
    chosen = content["annotations"][0]["image_id"]
    large = {"image_id": chosen, "category_id": content["categories"][0]["id"], "iscrowd": 0}
    large |= {"id": 10_000, "bbox": [0, 0, 300, 300], "area": 90_000}
    rest = [row for row in content["annotations"] if row["area"] < 9000]
    evaluated = evaluate_detections({**content, "annotations": [*rest, large]}, results)
    values = resampled_metrics(evaluated, 60, 0)[:, METRICS.index("AP_large")]
    assert 0 < np.isnan(values).sum() < 60
    assert None not in confidence_intervals(evaluated, 60, 0)["AP_large"]


def test_without_resamples_there_is_the_value_alone():
    evaluated = evaluate_detections(*random_split(6, images=20))
    assert confidence_intervals(evaluated, 0, 0)["AP"] == (evaluated.metrics["AP"], None, None)


def _worse(results, share, seed):
    """Without a share of the detections."""
    kept = np.random.default_rng(seed).random(len(results)) > share
    return [row for row, keep in zip(results, kept, strict=True) if keep]


def test_differences_are_paired():
    content, results = random_split(8, images=40, decimals=4)
    good = evaluate_detections(content, results)
    bad = evaluate_detections(content, _worse(results, 0.1, 0))
    difference = paired_difference(good, bad, 300, seed=5)
    mine, other = resampled_metrics(good, 300, 5), resampled_metrics(bad, 300, 5)
    column = METRICS.index("AR100")
    value, low, high = difference["AR100"]
    assert value == pytest.approx(good.metrics["AR100"] - bad.metrics["AR100"])
    gap = mine[:, column] - other[:, column]
    assert [low, high] == pytest.approx(np.percentile(gap, [2.5, 97.5]))
    assert low > 0  # fewer detections find less on every resample ...
    spread = np.percentile(mine[:, column], 97.5) - np.percentile(mine[:, column], 2.5)
    assert high - low < 0.7 * spread  # ... though each alone varies more than that


def test_a_model_differs_from_itself_by_nothing():
    evaluated = evaluate_detections(*random_split(8, images=20))
    assert set(paired_difference(evaluated, evaluated, 40, 0).values()) == {(0.0, 0.0, 0.0)}


def test_models_of_other_images_or_categories_are_not_paired():
    content, results = random_split(8, images=20)
    evaluated = evaluate_detections(content, results)
    image, category = {"id": 99_999}, {"id": 999, "name": "other"}
    for key, extra in (("images", image), ("categories", category)):
        other = evaluate_detections({**content, key: [*content[key], extra]}, results)
        with pytest.raises(BadInput, match="same split"):
            paired_difference(evaluated, other, 10, 0)


def _coco_sized():
    """A hundred detections on each image of val2017: jittered objects, then boxes anywhere."""
    content = json.loads((VAL2017 / "annotations" / "instances_val2017_intboxes.json").read_text())
    rng = np.random.default_rng(0)
    categories = [row["id"] for row in content["categories"]]
    free = {row["id"]: 100 for row in content["images"]}
    results = []
    for row in content["annotations"]:
        box = np.asarray(row["bbox"], dtype=float)
        for spread in (0.02, 0.1, 0.3)[: free[row["image_id"]]]:
            x, y, width, height = box + rng.normal(0, spread, 4) * np.tile(box[2:], 2)
            box_now = [x, y, max(width, 1.0), max(height, 1.0)]
            results.append((row["image_id"], row["category_id"], box_now, rng.beta(2, 3)))
            free[row["image_id"]] -= 1
    for image, count in free.items():
        boxes = rng.uniform([0, 0, 5, 5], [400, 400, 200, 200], (count, 4)).tolist()
        kinds, scores = rng.choice(categories, count).tolist(), rng.beta(1, 9, count).tolist()
        rows = zip(kinds, boxes, scores, strict=True)
        results += [(image, kind, box, score) for kind, box, score in rows]
    keys = ("image_id", "category_id", "bbox", "score")
    return content, [dict(zip(keys, row, strict=True)) for row in results]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not VAL2017.exists(), reason=f"no boxes of val2017 in {VAL2017}")
def test_speed_at_the_size_of_coco():
    content, results = _coco_sized()
    evaluate_detections(*random_split(0))  # compiled before the clock starts
    start = time.perf_counter()
    evaluated = evaluate_detections(content, results)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    expected = coco_metrics(content, results)
    theirs = time.perf_counter() - start
    start = time.perf_counter()
    confidence_intervals(evaluated, 1000, 0, threads=2)
    bootstrap = time.perf_counter() - start
    print(f"evaluate {ours:.1f} s, COCO API {theirs:.1f} s, 1,000 resamples {bootstrap:.1f} s")
    for name in METRICS:
        assert evaluated.metrics[name] / 100 == pytest.approx(expected[name], abs=1e-9)
    assert theirs > 10 * ours
    assert bootstrap < 120
