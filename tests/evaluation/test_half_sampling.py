"""A half is held against the COCO API on the half's images alone."""

from statistics import NormalDist

import numpy as np
import pytest

from cornernet.evaluation.coco_metrics import metric_values
from cornernet.evaluation.half_sampling import (
    HalfSampled,
    draw_halves,
    half_sampled_metrics,
    score_intervals,
)
from cornernet.evaluation.metric_names import METRICS
from evaluation.reference import (
    assert_equal_metrics,
    coco_metrics,
    evaluated,
    random_split,
)


@pytest.mark.parametrize("seed", range(12))
def test_a_half_equals_the_coco_api_on_its_images_alone(seed):
    content, results = random_split(seed, images=7, decimals=1)  # one decimal: many ties
    halves = draw_halves(7, 3, seed)
    found = metric_values(evaluated(content, results).rankings, halves)
    order = sorted(row["id"] for row in content["images"])
    for row, half in zip(found, halves, strict=True):
        ids = {image for image, chosen in zip(order, half, strict=True) if chosen}
        part = {
            "images": [image for image in content["images"] if image["id"] in ids],
            "categories": content["categories"],
            "annotations": [one for one in content["annotations"] if one["image_id"] in ids],
        }
        mine = [one for one in results if one["image_id"] in ids]
        assert_equal_metrics(row, coco_metrics(part, mine))


def test_halves_are_draws_without_replacement_from_streams_of_their_own():
    halves = draw_halves(51, 400, seed=3)
    assert (halves.sum(axis=1) == 25).all()
    assert halves.mean(axis=0) == pytest.approx(25 / 51, abs=0.12)  # each image as often
    np.testing.assert_array_equal(halves[:10], draw_halves(51, 10, seed=3))
    assert (draw_halves(51, 10, seed=4) != halves[:10]).any()


def test_the_same_seed_gives_the_same_values_on_any_number_of_threads():
    scored = evaluated(*random_split(6, images=20))
    values = half_sampled_metrics(scored, 35, seed=1, threads=1).values
    assert values.shape == (35, 16)
    again = half_sampled_metrics(scored, 35, seed=1, threads=3).values
    np.testing.assert_array_equal(values, again)
    assert (values != half_sampled_metrics(scored, 35, seed=2).values).any()


def test_the_interval_of_a_mean_is_the_one_of_the_textbook():
    """The score of an image is drawn; the mean's standard error is known: sd / sqrt(n)."""
    scores = np.random.default_rng(0).normal(50, 10, size=101)
    halves = draw_halves(101, 4000, seed=0)
    values = (halves @ scores / 50)[:, None]
    found = score_intervals(HalfSampled({"AP": scores.mean()}, values, 101), confidence=0.9)["AP"]
    margin = NormalDist().inv_cdf(0.95) * scores.std(ddof=1) / np.sqrt(101)
    assert found.ci_high - found.value == pytest.approx(margin, rel=0.04)
    assert found.value - found.ci_low == pytest.approx(margin, rel=0.04)


def test_intervals_hold_their_value_and_stay_within_0_and_100():
    scored = evaluated(*random_split(6, images=20))
    sampled = half_sampled_metrics(scored, 200, seed=1)
    wide, narrow = (score_intervals(sampled, confidence) for confidence in (0.9999, 0.5))
    assert any(one.ci_low == 0 for one in wide.values())
    for name in METRICS:
        value, low, high = wide[name]
        assert value == scored.metrics[name]
        assert 0 <= low <= narrow[name].ci_low <= value <= narrow[name].ci_high <= high <= 100
    assert score_intervals(half_sampled_metrics(scored, 0, 0), 0.95)["AP"][1:] == (None, None)
    single = HalfSampled({"AP": 50.0}, np.full((10, 1), np.nan), images=1)
    assert score_intervals(single, 0.95)["AP"] == (50.0, None, None)


def test_an_undefined_metric_has_no_interval_and_one_that_some_halves_lack_has():
    content, results = random_split(6, images=4)
    chosen = content["annotations"][0]["image_id"]
    large = {"image_id": chosen, "category_id": content["categories"][0]["id"], "iscrowd": 0}
    large |= {"id": 10_000, "bbox": [0, 0, 300, 300], "area": 90_000}
    rest = [row for row in content["annotations"] if row["area"] < 9000]
    without = half_sampled_metrics(evaluated({**content, "annotations": rest}, results), 60, 0)
    assert score_intervals(without, 0.95)["AP_large"] == (None, None, None)
    scored = evaluated({**content, "annotations": [*rest, large]}, results)
    sampled = half_sampled_metrics(scored, 60, 0)
    assert 0 < np.isnan(sampled.values[:, METRICS.index("AP_large")]).sum() < 60
    assert None not in score_intervals(sampled, 0.95)["AP_large"]
