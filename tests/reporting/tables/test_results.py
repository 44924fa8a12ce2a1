"""results.csv and the summary, from made-up metrics files."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from reporting.synthetic import NOT_SCORED, VAL_CELLS, literature, run_results, write_metrics
from scipy.stats import t

from cornernet.errors import BadInput
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.tables.formats import results_summary
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.results import (
    RESULT_COLUMNS,
    category_results,
    collect_results,
    read_csv,
    write_csv,
)
from cornernet.reporting.tables.seeds import estimates, status


def collect(paths):
    return collect_results(paths, literature(), "eccv")


def test_every_metric_of_every_file_and_the_papers_numbers(tmp_path):
    results = run_results(tmp_path, noise=0.0)
    assert len(results) == 9 * len(METRICS)
    known = results.dropna(subset="paper")
    # the made-up scores are the paper's, so each row must have met its own number
    assert len(known) == 6 * 6 + 2 * 12
    np.testing.assert_allclose(known["value"], known["paper"])
    unknown = results["variant"].eq("full_schedule") & results["split"].eq("val")
    assert results[unknown]["paper"].isna().all()


def test_order_of_the_files_does_not_matter_and_csv_round_trips(tmp_path):
    results = run_results(tmp_path, seeds=(0, 1))
    paths = sorted(tmp_path.glob("*.json"))
    write_csv(results, tmp_path / "a.csv")
    write_csv(collect(paths[::-1]), tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    again = read_csv(tmp_path / "a.csv", RESULT_COLUMNS)
    np.testing.assert_allclose(again["value"], results["value"], atol=1e-6)
    assert not list(tmp_path.glob(".*"))  # no temporary file stays


def test_undefined_is_empty_and_never_minus_one(tmp_path):
    metrics = {"AP": 61.2, "AP_small": None}
    path = write_metrics(tmp_path, "baseline/single_scale", "val", metrics=metrics)
    results = collect([path]).set_index("metric")
    assert results.loc["AP", "value"] == 61.2
    assert results.loc[["AP_small", "AP50"], "value"].isna().all()
    write_csv(collect([path]), tmp_path / "r.csv")
    assert "val,single_scale,AP_small,,,,17.7" in (tmp_path / "r.csv").read_text()
    assert status(collect([path])) == "scored"


def test_scores_by_category_are_further_rows_that_no_metric_s_name_picks(tmp_path):
    named = ["zebra", "a,b", "AP50", "007"]
    paths = [write_metrics(tmp_path, cell, "val", categories=named) for cell in VAL_CELLS[:2]]
    write_csv(pd.concat([collect(paths), category_results(paths)]), tmp_path / "r.csv")
    rows = read_csv(tmp_path / "r.csv", RESULT_COLUMNS)
    pd.testing.assert_frame_equal(rows[: len(collect(paths))], collect(paths), atol=1e-6)
    assert (rows["metric"] == "AP50").sum() == 2
    baseline = rows[rows["variant"] == "baseline"].set_index("metric")
    assert baseline.loc["AR100-zebra", ["value", "ci_low", "ci_high"]].tolist() == [40, 35, 45]
    assert math.isnan(baseline.loc["AP50-007", "paper"])
    metric, _, category = rows["metric"].iloc[-4:].str.partition("-").to_numpy().T
    assert metric.tolist() == ["AP", "AP50", "AP75", "AR100"]
    assert set(category) == {"007"}
    cell = Cell("baseline", "single_scale")
    found, alone = (estimates(r, "val", cell, ["AP"])["AP"] for r in (rows, collect(paths)))
    assert (found.value, found.low) == pytest.approx((alone.value, alone.low), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "test"}, "split: Input should be 'train', 'val' or 'test_dev'"),
        ({"metrics": {"AP_samll": 1}}, "did you mean 'AP_small'"),
        ({"metrics": {"AP": -1}}, "metrics.AP: Input should be greater than or equal to 0"),
        ({"metrics": {"AP": math.nan}}, "metrics.AP: Input should be a finite number"),
        ({"metrics": {"AP": True}}, "metrics.AP: Input should be a valid number"),
        ({"intervals": {"AP": [1, 101]}}, "AP.1: Input should be less than or equal to 100"),
        ({"metrics": []}, "metrics: Input should be an object"),
        ({"categories": [{"name": "a"}]}, "categories.0.objects: Field required"),
        (
            {"errors": [{"kind": "both", "count": 1, "cost": -1}]},
            "errors.0.cost: Input should be greater",
        ),
    ],
)
def test_malformed_metrics_are_refused(tmp_path, change, message):
    path = write_metrics(tmp_path, "baseline/single_scale", "val")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadInput, match=message) as caught:
        collect([path])
    assert str(path) in str(caught.value)


def test_all_bad_files_are_named_together(tmp_path):
    good = write_metrics(tmp_path, "baseline/single_scale", "val")
    double = tmp_path / "double.json"
    double.write_text(good.read_text())
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(BadInput) as caught:
        collect([broken, good, double, tmp_path / "absent.json"])
    assert len(caught.value.problems) == 3


def test_pooled_interval_holds_images_and_seeds(tmp_path):
    """The images' part is the same for all seeds, the other is Student's, over all variants."""
    results = run_results(tmp_path, seeds=(0, 1, 2), noise=1.0)
    results = results[results["metric"].eq("AP50") & results["mode"].eq("single_scale")]
    results = results[results["split"].eq("val")].reset_index(drop=True)
    mine = results["variant"].eq("baseline")

    def of(half_width, rows, **more):
        value = rows["value"]
        rows = rows.assign(ci_low=value - half_width, ci_high=value + half_width, **more)
        return estimates(rows, "val", Cell("baseline", "single_scale"), ["AP50"])["AP50"]

    own = results[mine]
    mean, sd = own["value"].mean(), own["value"].std()
    found = of(0.0, own)  # exact images: Student's interval of the mean, from scipy
    assert (found.value, found.spread, found.seeds) == (pytest.approx(mean), pytest.approx(sd), 3)
    assert (found.low, found.high) == pytest.approx(t.interval(0.95, 2, mean, sd / math.sqrt(3)))
    pooled = math.sqrt(results.groupby("variant")["value"].var().mean())
    low, _ = t.interval(0.95, 10, mean, pooled / math.sqrt(3))
    assert of(0.0, results).low == pytest.approx(low)
    same = of(2.0, own.assign(value=50.0))  # no spread: the images' interval stays
    assert (same.low, same.high) == pytest.approx((48, 52))
    assert of(2.0, own.assign(value=[50.0, 51.0, math.nan])).seeds == 2
    assert of(np.array([1.0, math.nan, 1.0]), own).low is None
    assert of(2.0, own[:0]).value is None


def test_summary_prints_each_test_once(tmp_path):
    extra = write_metrics(tmp_path, "released_weights/single_scale", "val", metrics={"AP": 41.0})
    results = run_results(tmp_path, seeds=(0, 1), test_status=NOT_SCORED, noise=0.0, extra=[extra])
    lines = results_summary(results).splitlines()
    assert lines[0].split() == [
        "split", "variant", "mode", "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    ]  # fmt: skip
    assert len(lines) == 2 + 8 + 2
    baseline = next(line for line in lines if "baseline" in line and "single_scale" in line)
    assert baseline.split()[-6:] == ["38.5", "54.1", "41.1", "17.7", "41.1", "52.5"]
    assert "(2 seeds)" in baseline
    assert [line for line in lines if "not scored" in line] == lines[-2:]
    assert any(line.split()[-6:] == ["41.0", "-", "-", "-", "-", "-"] for line in lines)
    assert len({len(line) for line in lines[1:] if line[-1].isdigit()}) == 1  # columns line up
