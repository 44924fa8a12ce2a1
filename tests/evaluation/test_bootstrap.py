"""A resample is held against the COCO API on a split with the copies written out."""

import numpy as np
import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.bootstrap import (
    check_paired,
    confidence_intervals,
    image_weights,
    paired_difference,
    resampled_metrics,
)
from cornernet.evaluation.coco_metrics import metric_values
from cornernet.evaluation.metric_names import METRICS
from evaluation.reference import (
    assert_equal_metrics,
    coco_metrics,
    declared,
    evaluated,
    random_split,
    with_copies,
)


@pytest.mark.parametrize("seed", range(12))
def test_a_resample_equals_the_coco_api_on_written_out_copies(seed):
    content, results = random_split(seed, images=7, decimals=1)  # one decimal: many ties
    scored = evaluated(content, results)
    weights = image_weights(7, 3, seed)
    assert weights.max() > 1
    found = metric_values(scored.rankings, weights)
    for row, drawn in zip(found, weights.tolist(), strict=True):
        assert_equal_metrics(row, coco_metrics(*with_copies(content, results, drawn)))


def test_weights_are_draws_with_replacement_from_streams_of_their_own():
    weights = image_weights(50, 400, seed=3)
    assert (weights.sum(axis=1) == 50).all()
    assert (weights.mean(axis=0) - 1).std() < 0.1  # each image about once a resample
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)  # of a multinomial draw
    np.testing.assert_array_equal(weights[:10], image_weights(50, 10, seed=3))
    assert (image_weights(50, 10, seed=4) != weights[:10]).any()


def test_the_same_seed_gives_the_same_values_on_any_number_of_threads():
    scored = evaluated(*random_split(6, images=20))
    values = resampled_metrics(scored, 35, seed=1, threads=1).values
    assert values.shape == (35, 16)
    np.testing.assert_array_equal(values, resampled_metrics(scored, 35, seed=1, threads=3).values)
    assert (values != resampled_metrics(scored, 35, seed=2).values).any()


def test_intervals_are_percentiles_of_the_resampled_values():
    scored = evaluated(*random_split(6, images=20))
    values = resampled_metrics(scored, 200, seed=1).values
    wide = confidence_intervals(scored, 200, 1, confidence=0.95)
    narrow = confidence_intervals(scored, 200, 1, confidence=0.5)
    for column, name in enumerate(METRICS):
        value, low, high = wide[name]
        assert value == scored.metrics[name]
        assert [low, high] == pytest.approx(np.nanpercentile(values[:, column], [2.5, 97.5]))
        assert low <= narrow[name].ci_low <= narrow[name].ci_high <= high
        assert low < high
    assert confidence_intervals(scored, 0, 0)["AP"] == (scored.metrics["AP"], None, None)


def test_an_undefined_metric_has_no_interval_and_one_that_some_resamples_lack_has():
    content, results = random_split(6, images=4)
    chosen = content["annotations"][0]["image_id"]
    large = {"image_id": chosen, "category_id": content["categories"][0]["id"], "iscrowd": 0}
    large |= {"id": 10_000, "bbox": [0, 0, 300, 300], "area": 90_000}
    rest = [row for row in content["annotations"] if row["area"] < 9000]
    undefined = confidence_intervals(evaluated({**content, "annotations": rest}, results), 60, 0)
    assert undefined["AP_large"] == (None, None, None)
    scored = evaluated({**content, "annotations": [*rest, large]}, results)
    values = resampled_metrics(scored, 60, 0).values[:, METRICS.index("AP_large")]
    assert 0 < np.isnan(values).sum() < 60
    assert None not in confidence_intervals(scored, 60, 0)["AP_large"]


def test_differences_are_paired():
    content, results = random_split(8, images=40, decimals=4)
    good = evaluated(content, results)
    bad = evaluated(content, [row for at, row in enumerate(results) if at % 10])  # finds less
    mine, other = resampled_metrics(good, 300, 5), resampled_metrics(bad, 300, 5)
    column = METRICS.index("AR100")
    value, low, high = paired_difference(mine, other, confidence=0.95)["AR100"]
    assert value == pytest.approx(good.metrics["AR100"] - bad.metrics["AR100"])
    alone = mine.values[:, column]
    gap = alone - other.values[:, column]
    assert [low, high] == pytest.approx(np.percentile(gap, [2.5, 97.5]))
    assert low > 0  # fewer detections find less on every resample ...
    spread = np.percentile(alone, 97.5) - np.percentile(alone, 2.5)
    assert high - low < 0.7 * spread  # ... though each alone varies more than that


def test_models_of_other_images_or_categories_are_not_paired():
    content, results = random_split(8, images=20)
    scored = evaluated(content, results)
    for key, extra in (("images", declared(99_999)), ("categories", {"id": 999, "name": "other"})):
        with pytest.raises(BadInput, match="same split"):
            check_paired(scored, evaluated({**content, key: [*content[key], extra]}, results))
