"""Claims and the rule that judges them."""

import numpy as np
import pandas as pd
import pytest
import yaml
from reporting.synthetic import NOT_SCORED, PARAMS, claims, literature, run_with_differences

from cornernet.errors import BadInput
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import (
    CLAIM_COLUMNS,
    InferenceTime,
    judge_claims,
    minus,
    verdict,
)
from cornernet.reporting.tables.results import read_csv, write_csv
from cornernet.reporting.tables.seeds import Estimate


@pytest.mark.parametrize(
    ("ours", "paper", "expected"),
    [
        (Estimate(2.2, 1.0, 3.0), 2.0, "reproduced"),
        (Estimate(2.2, 2.04, 3.0), 2.0, "reproduced"),  # 2.0 is printed to one decimal
        (Estimate(2.2, 2.06, 3.0), 2.0, "direction reproduced"),
        (Estimate(0.8, 0.2, 1.2), 2.0, "direction reproduced"),
        (Estimate(0.8, -0.1, 2.2), 2.0, "inconclusive"),
        (Estimate(0.8), 2.0, "inconclusive"),
        (Estimate(-0.8, -1.2, -0.1), 2.0, "contradicted"),
        (Estimate(-0.8, -1.2, -0.1), -0.7, "reproduced"),
        (Estimate(0.8, 0.1, 1.2), -0.7, "contradicted"),
        (Estimate(None), 2.0, "not run"),
    ],
)
def test_the_rule(ours, paper, expected):
    assert verdict(ours, paper, comparable=True) == expected
    weaker = "direction reproduced" if expected == "reproduced" else expected
    assert verdict(ours, paper, comparable=False) == weaker
    # a loss is judged as a gain is
    ends = (ours.value, ours.high, ours.low)
    mirrored = Estimate(*(None if end is None else -end for end in ends))
    assert verdict(mirrored, -paper, comparable=True) == expected


def test_mover_agrees_with_normal_theory():
    half = minus(Estimate(5.0, 2.0, 8.0), Estimate(1.0, -3.0, 5.0))
    assert (half.value, half.low, half.high) == (4.0, 4.0 - 5.0, 4.0 + 5.0)  # 3 and 4 give 5
    lopsided = minus(Estimate(5.0, 4.0, 8.0), Estimate(1.0, 1.0, 1.0))
    assert (lopsided.low, lopsided.high) == (3.0, 7.0)
    assert minus(Estimate(5.0), Estimate(1.0, 0.0, 2.0)) == Estimate(4.0)


def judged(folder, comparable=True, half_width=0.5, inference_time=None, **run):
    """claims.csv of a made-up run, written and read back: id -> row."""
    found = run_with_differences(folder, half_width, **run)
    frame = judge_claims(*found, claims(), comparable, inference_time)
    write_csv(frame, folder / "claims.csv")
    again = read_csv(folder / "claims.csv", CLAIM_COLUMNS)
    pd.testing.assert_frame_equal(again, frame, check_dtype=False)
    return dict(zip((claim.id for claim in claims()), frame.to_dict("records"), strict=True))


def test_a_run_that_equals_the_paper_reproduces_it(tmp_path):
    rows = judged(tmp_path, noise=0.0, half_width=0.05)
    for name, row in rows.items():
        if name in ("inference_time", "above_one_stage", "above_fitness_nms", "below_cascade"):
            continue  # not measured; test-dev intervals of one point hold zero
        assert row["verdict"] == "reproduced", name
        assert row["ours"] == pytest.approx(row["paper"])
    assert rows["above_one_stage"]["verdict"] == "inconclusive"
    assert rows["above_one_stage"]["interval"] == "[-0.7, 1.3]"
    assert rows["inference_time"]["verdict"] == "not run"


def test_a_run_that_is_not_comparable_earns_the_direction_at_most(tmp_path):
    rows = judged(tmp_path, comparable=False, noise=0.0, half_width=0.05)
    found = {row["verdict"] for row in rows.values()}
    assert "reproduced" not in found
    assert rows["pooling_ap"]["verdict"] == "direction reproduced"
    # other detectors' scores on COCO say nothing about another data set
    assert rows["above_retinanet"]["verdict"] == "not run"
    assert np.isnan(rows["above_retinanet"]["ours"])


def test_what_was_not_run_is_not_judged(tmp_path):
    rows = judged(tmp_path, val=("baseline/single_scale",), test_status=NOT_SCORED)
    assert {row["verdict"] for row in rows.values()} == {"not run"}


@pytest.mark.parametrize(
    ("device", "milliseconds", "expected"),
    [
        ("NVIDIA TITAN X (Pascal)", 250.0, "reproduced"),
        ("NVIDIA TITAN X (Pascal)", 400.0, "contradicted"),
        ("NVIDIA H200", 30.0, "inconclusive"),
    ],
)
def test_time_is_judged_on_the_papers_gpu(tmp_path, device, milliseconds, expected):
    row = judged(tmp_path, inference_time=InferenceTime(milliseconds, device))["inference_time"]
    assert (row["verdict"], row["ours"], row["paper"]) == (expected, milliseconds, 244)


@pytest.mark.parametrize(
    ("change", "over", "message"),
    [
        ({"metric": "AP_samll"}, None, "no metric is called 'AP_samll'; did you mean 'AP_small'"),
        ({"gain": "corner_poling"}, None, "no gain is called .* did you mean 'corner_pooling'"),
        ({"kind": "gains"}, None, "no kind is called 'gains'; did you mean 'gain'"),
        ({"metric": "AP60"}, None, "the eccv tables have no AP60"),
        ({"id": "pooling_ap50"}, None, "the id is used twice"),
        ({}, "no_corner_poling/single_scale", "no variant is called 'no_corner_poling'; did you"),
        ({}, "no_corner_pooling/single", "is not variant/mode"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused(tmp_path, change, over, message):
    tree = yaml.safe_load((PARAMS / "claims.yaml").read_text())
    tree["claims"][0] |= change
    if over is not None:
        tree["gains"]["corner_pooling"]["reference"] = over
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(BadInput, match=message) as caught:
        load_claims(path, literature(), "eccv")
    assert all("claims.yaml: " in line for line in caught.value.problems)
