"""A data set of one's own, whose categories have awkward names, from nothing to the page."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cornernet.cli import main
from cornernet.evaluation.metric_names import COCO_METRICS
from cornernet.reporting.tables.results import RESULT_COLUMNS

REPOSITORY = Path(__file__).parents[2]
NAMES = ["$\\badcommand{$", "bell\x07", "long" * 50, "כלב"]
SHOWN = [NAMES[0], "bell\\x07", *NAMES[2:]]
PROFILE = """\
extends: custom
data: {root: data/smoke/shapes, splits: {train: {images: train, annotations: annotations/instances_train.json}, val: {images: val, annotations: annotations/instances_val.json}}}
augmentation: {input_size: 63, crop_border: 16}
model: {dims: [8, 12], modules: [1, 1], stem_channels: 4, pool_channels: 8}
train: {iterations: 2, learning_rate_drops: [1], chunks: [2], checkpoint_every: 2}
evaluation: {halves: 20}
report: {examples: 2}
"""


def mistaken(rows):
    """Of every object a detection, of which two in three have another category or place."""
    for number, row in enumerate(rows):
        x, y, width, height = row["bbox"]
        category = row["category_id"]
        if number % 3 == 1:
            category = 1 + category % len(NAMES)
        elif number % 3 == 2:
            x += 0.6 * width
        box = {"bbox": [x, y, width, height], "score": 0.9 - number / 1000}
        yield box | {"image_id": row["image_id"], "category_id": category}


@pytest.mark.slow
def test_every_stage_takes_any_name_and_the_page_opens_with_the_results(
    tmp_path, monkeypatch, capsys
):
    """Trained for real; the detections are made up, so that there are some."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for part in ("params", "reports/records"):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    (tmp_path / "params/named.yaml").write_text(PROFILE)
    assert main(["download", "--profile", "smoke"]) == 0
    for split in ("train", "val"):
        path = tmp_path / f"data/smoke/shapes/annotations/instances_{split}.json"
        content = json.loads(path.read_text())
        for category, name in zip(content["categories"], NAMES, strict=True):
            category["name"] = name
        path.write_text(json.dumps(content))

    def run(name, *more):
        assert main([name, "--profile", "named", *more]) == 0, name

    for stage in ("download", "prepare", "radii", "train"):
        run(stage)
    run("predict", "--split", "val")
    detections = tmp_path / "data/named/detections/baseline-s0-val-single_scale.json"
    detections.write_text(json.dumps([*mistaken(content["annotations"])]))
    capsys.readouterr()
    run("evaluate", "--split", "val")
    printed = capsys.readouterr().out
    for stage in ("tables", "figures", "claims", "report"):
        run(stage)
    reports = tmp_path / "reports/named"

    assert all(f"\n{name}" in printed for name in SHOWN)
    assert "classification" in printed
    results = pd.read_csv(reports / "results.csv")
    assert tuple(results.columns) == RESULT_COLUMNS
    assert set(results["metric"].str.partition("-")[2]) == {"", *SHOWN}
    scores = json.loads((reports / "metrics/baseline-s0-val-single_scale.json").read_text())
    assert {*COCO_METRICS} < {*scores["metrics"]}  # as before, without categories
    of_each = [category["metrics"]["AP50"] for category in scores["categories"]]
    assert sum(of_each) / 4 == pytest.approx(scores["metrics"]["AP50"])
    costs = pd.read_csv(reports / "tables/errors.csv").set_index("kind")["cost"]
    assert (costs[["classification", "localisation"]] > 5).all()
    page = (reports / "index.html").read_text()
    assert page.index('id="results"') < page.index('id="tables"') < page.index('id="claims"')
    assert all(f"<bdi>{name}</bdi>" in page for name in SHOWN)
    assert (reports / "figures/confusion.svg").is_file()
    assert list((reports / "figures/gallery").glob("001-*.svg"))
