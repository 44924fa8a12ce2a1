"""A variant that borrows another's weights, through every stage on the smallest profile."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.pipeline.graph import Graph

REPOSITORY = Path(__file__).parents[2]
# Named as in text_and_code.yaml, so that the page shows what it does.
MINE = {
    "extends": "smoke",
    "corners": {"variants": []},
    "detection": {"embedding_distance": 100.0},  # so that an untrained network finds boxes
    "variants": {"rounded_scores": {"weights_of": "baseline", "set": {"detection.score_decimals": 1}}},
    "tested": [{"variants": ["baseline", "rounded_scores"], "split": "val", "modes": ["single_scale"]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which all stages of that profile have run."""
    folder = tmp_path_factory.mktemp("borrowed")
    shutil.copytree(REPOSITORY / "params", folder / "params")
    (folder / "params/mine.yaml").write_text(yaml.safe_dump(MINE))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        graph = Graph(load_params("mine"))
        for name in ("download", "prepare", "radii"):
            stage(name)
        for trained in graph.trained:
            stage("train", "--variant", trained.variant)
        for tested in graph.tested:
            for name in ("predict", "evaluate"):
                stage(name, "--variant", tested.trained.variant)
        for name in ("tables", "figures", "claims", "report"):
            stage(name)
        yield folder


def stage(name, *more):
    assert main([name, "--profile", "mine", *more]) == 0, (name, *more)


def detections(place, variant):
    return json.loads(
        (place / f"data/mine/detections/{variant}-s0-val-single_scale.json").read_text()
    )


def test_one_model_is_trained_and_tested_in_two_ways(place):
    assert [path.name for path in (place / "data/mine/models").glob("*.safetensors")] == [
        "baseline-s0.safetensors"
    ]
    own, borrowed = detections(place, "baseline"), detections(place, "rounded_scores")
    assert len(own) == len(borrowed) > 0
    assert own != borrowed
    for mine, rounded in zip(own, borrowed, strict=True):
        assert mine["image_id"] == rounded["image_id"]
        assert round(rounded["score"], 1) == rounded["score"]
        assert rounded["score"] == pytest.approx(mine["score"], abs=0.0501)


def test_the_difference_is_paired_and_on_the_page(place):
    found = pd.read_csv(place / "reports/mine/differences.csv")
    row = found[(found["variant"] == "rounded_scores") & (found["metric"] == "AP")]
    assert row["reference"].tolist() == ["baseline"]
    results = pd.read_csv(place / "reports/mine/results.csv").set_index(["variant", "metric"])
    own, borrowed = (results.loc[(name, "AP"), "value"] for name in ("baseline", "rounded_scores"))
    assert row["value"].item() == pytest.approx(borrowed - own, abs=1e-5)
    page = (place / "reports/mine/index.html").read_text()
    effects = dict(re.findall(r'<code>(\w+)</code> <span class="effect">(.*?)</span>', page))
    assert "\N{DAGGER}" not in effects["rounded_scores"]
    assert effects["kept_ties"].endswith("\N{DAGGER}")  # not of this run


def test_the_lender_s_run_keeps_its_own_metrics(place):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{place}/data/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("mine")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["variant"] == "baseline"
    logged = {name: value for name, value in run.data.metrics.items() if "AP50" in name}
    assert len(logged) == 2  # each under a name of its own
    results = pd.read_csv(place / "reports/mine/results.csv").set_index(["variant", "metric"])
    for name, value in logged.items():
        variant = "rounded_scores" if "rounded_scores" in name else "baseline"
        assert value == pytest.approx(results.loc[(variant, "AP50"), "value"], abs=0.06)


def test_it_cannot_be_trained(place, capsys):
    assert main(["train", "--profile", "mine", "--variant", "rounded_scores"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is tested with the weights of baseline: `cornernet train --variant baseline`" in line


def test_without_the_lender_s_weights_it_says_who_makes_them(place, capsys):
    weights = place / "data/mine/models/baseline-s0.safetensors"
    kept = weights.rename(weights.with_suffix(".kept"))
    try:
        assert main(["predict", "--profile", "mine", "--variant", "rounded_scores"]) == 2
    finally:
        kept.rename(weights)
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        "baseline-s0.safetensors is not there; `cornernet train --profile mine --variant baseline"
        in line
    )


def test_the_plan_names_the_lender(place, capsys):
    assert main(["plan", "--profile", "mine"]) == 0
    text = capsys.readouterr().out
    assert "rounded_scores-s0-val-single_scale" in text
    assert "with the weights of baseline-s0" in text
    assert "trainings (1)" in text
