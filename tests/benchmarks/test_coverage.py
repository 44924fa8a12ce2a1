"""Intervals hold what they say: test sets drawn from a simulated population, each with its interval."""

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.__main__ import main
from benchmarks.coverage import CATEGORIES, covered
from benchmarks.simulated import population, rankings_of
from cornernet.evaluation.coco_metrics import metric_values

SAMPLES, HALVES = 100, 60


@pytest.mark.slow
@pytest.mark.parametrize("categories", CATEGORIES)
def test_intervals_hold_the_mean_score_of_test_sets_of_their_size(categories):
    """95 % intervals: what 100 samples say of the share must allow for 92 to 99 %."""
    whole = population(20 * 300, categories, seed=1)
    for images in (100, 300):
        for cell in covered(whole, images, SAMPLES, HALVES):
            share = binomtest(cell.held, SAMPLES).proportion_ci(0.99)
            assert share.high >= 0.92, (images, cell)
            assert share.low <= 0.99, (images, cell)


def test_a_drawn_test_set_is_scored_as_the_population_s_images_are():
    whole = population(60, 4, seed=2)
    drawn = np.random.default_rng(0).permutation(60)[:25]
    every = np.arange(60)
    for matches in whole.models:
        alone = metric_values(rankings_of(matches, drawn, whole), np.ones((1, 25), bool))
        chosen = metric_values(rankings_of(matches, every, whole), np.isin(every, drawn)[None])
        np.testing.assert_allclose(alone, chosen, rtol=1e-12)


def test_its_record_has_every_cell(tmp_path, capsys):
    assert main(["coverage", "--quick", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for cell in ("AP, 80", "AP_small, 4", "AP_large, 80", "difference of AP, 4"):
        for form in ("same n", "width", "bias"):
            assert f"{cell} categories, 20 images, {form}: " in printed
