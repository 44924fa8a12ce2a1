"""The noise of training: pooled over variants, from own seeds, the record, or assumed."""

import math

import numpy as np
import pandas as pd
import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.training_noise import (
    RECORD_COLUMNS,
    TrainingNoise,
    append_record,
    pooled_deviation,
    read_record,
    recorded_models,
    scores_of_models,
)
from reporting.synthetic import run_results

AP = "AP.val.single_scale"
KEYS = {"baseline": "aaaa", "fixed_radius": "bbbb"}


def rows(scores, key=None):
    """Rows of the record: (variant, seed) -> AP."""
    tree = [
        ("demo", variant, seed, key or KEYS[variant], "2026-11-29", "Some CPU", "torch 2", value)
        for (variant, seed), value in scores.items()
    ]
    return pd.DataFrame(tree, columns=[*RECORD_COLUMNS, AP])


RECORDED = rows({("baseline", 0): 40.0, ("baseline", 1): 42.0, ("fixed_radius", 0): 30.0})


def test_the_deviation_is_pooled_within_variants(tmp_path):
    models = scores_of_models(run_results(tmp_path, seeds=(0, 1, 2), noise=1.0), {})
    sd, df = pooled_deviation(models, {AP: 1})
    by_variant = [group.to_numpy() for _, group in models[AP].dropna().groupby("variant")]
    assert df == sum(len(group) - 1 for group in by_variant) == 10
    squares = sum(np.square(group - group.mean()).sum() for group in by_variant)
    assert sd == pytest.approx(math.sqrt(squares / 10))
    heatmaps = "AP.val.gt_heatmaps"  # of the baseline alone
    gains = models.loc["baseline", heatmaps] - models.loc["baseline", AP]
    expected = (pytest.approx(gains.std(ddof=1)), 2)
    assert pooled_deviation(models, {heatmaps: 1, AP: -1}) == expected
    assert pooled_deviation(models, {"AP.val.multi_scale": 1}) is None
    assert pooled_deviation(models.loc[:, 0:1, :], {AP: 1}) is not None
    assert pooled_deviation(models[models.index.get_level_values("seed") == 0], {AP: 1}) is None


def test_a_test_with_borrowed_weights_is_a_score_of_their_owner(tmp_path):
    results = run_results(tmp_path, val=("baseline/single_scale", "fixed_radius/single_scale"))
    models = scores_of_models(results, {"fixed_radius": "baseline"})
    assert next(iter(models.index)) == ("baseline", 0)
    assert not models.loc[("baseline", 0), [AP, f"{AP}.fixed_radius"]].isna().any()


def test_the_record_grows_and_is_read_for_the_same_trainings_alone(tmp_path):
    path = tmp_path / "records/noise.csv"
    assert recorded_models(read_record(path), KEYS).empty
    append_record(path, RECORDED)
    append_record(path, rows({("baseline", 1): 44.0, ("fixed_radius", 1): 31.0}))  # one anew
    append_record(path, rows({("baseline", 0): 10.0}, key="cccc"))  # other params, code or data
    models = recorded_models(read_record(path), KEYS)
    assert models[AP].to_dict() == {
        ("baseline", 0): 40.0, ("baseline", 1): 44.0,
        ("fixed_radius", 0): 30.0, ("fixed_radius", 1): 31.0,
    }  # fmt: skip
    assert recorded_models(read_record(path), {"baseline": "dddd"}).empty
    text = path.read_text()
    append_record(path, rows({("fixed_radius", 1): 31.0}))
    assert path.read_text() == text


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(RECORD_COLUMNS) + ",AP\n1,b,x,k,,,,9"])
def test_a_damaged_record_is_refused(tmp_path, text):
    path = tmp_path / "noise.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"noise\.csv: no record of training noise .*; restore it"):
        read_record(path)


def test_own_seeds_go_before_the_record_and_the_record_before_what_is_assumed(tmp_path):
    recorded = recorded_models(RECORDED, KEYS)
    one, three = (
        scores_of_models(run_results(tmp_path, seeds=seeds), {}) for seeds in ((0,), (0, 1, 2))
    )
    assumed = {"AP": 0.3}
    sources = [
        TrainingNoise(own, record, assumed).of({AP: 1})
        for own in (three, one)
        for record in (recorded, recorded.iloc[:0])
    ]
    assert [found.source for found in sources] == [
        "own seeds", "own seeds", "recorded on Some CPU", "assumed",
    ]  # fmt: skip
    assert sources[2][:2] == (pytest.approx(math.sqrt(2)), 1)
    assert sources[3][:2] == (0.3, math.inf)
    noise = TrainingNoise(one, recorded.iloc[:0], assumed)
    assert noise.of({AP: 1, "AP.val.gt_heatmaps": -1}).sd == pytest.approx(0.3 * math.sqrt(2))
    assert math.isnan(noise.of({"AP_small.val.single_scale": 1}).sd)
    assert all(f"{name}.val.single_scale" in one.columns for name in METRICS)
