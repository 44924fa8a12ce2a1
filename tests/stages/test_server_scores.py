"""Test-dev by the real commands: submitted, not scored, then scored by the server's answer."""

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cornernet.cli import main
from cornernet.evaluation.metric_names import COCO_METRICS

REPOSITORY = Path(__file__).parents[2]
PROFILE = """\
extends: smoke
data:
  root: data/served/shapes
  shapes: {images: {train: 2, val: 6, test_dev: 4}}
evaluation: {server: external, halves: 20}
corners: {variants: []}
tested:
  - {variants: [full_schedule], split: val, modes: [single_scale]}
  - {variants: [full_schedule], split: test_dev, modes: [single_scale]}
"""
MODEL = ("--variant", "full_schedule")
SUBMISSION = "reports/served/submission/full_schedule-s0-test_dev-single_scale"
ZIP = f"{SUBMISSION}/detections_test-dev2017_cornernet_results.zip"
DETECTIONS = "data/served/detections/full_schedule-s0-{split}-single_scale.json"
FRACTIONS = dict(zip(COCO_METRICS, [x / 100 for x in range(40, 52)], strict=True)) | {"AP50": 0.56}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder where a model's detections, made up from the annotations, wait to be submitted."""
    folder = tmp_path_factory.mktemp("served")
    for part in ("params", "reports/records"):
        shutil.copytree(REPOSITORY / part, folder / part)
    (folder / "params/served.yaml").write_text(PROFILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in ("download", "prepare"):
            run(stage)
        shapes = folder / "data/served/shapes"
        detect(folder, "val", shapes / "annotations/instances_val.json")
        detect(folder, "test_dev", shapes / "server/instances_test_dev.json")
        run("submit", *MODEL)
        run("evaluate", *MODEL, "--split", "val")
    return folder


@pytest.fixture
def place(finished, tmp_path, monkeypatch):
    """A copy of it to work in."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "place"))
    return Path()


def run(name, *more):
    assert main([name, "--profile", "served", *more]) == 0, name


def detect(folder, split, annotations):
    """Every object, found a little beside where it is."""
    objects = json.loads(annotations.read_text())["annotations"]
    rows = [
        {key: one[key] for key in ("image_id", "category_id")}
        | {"bbox": [side + 0.5 for side in one["bbox"]], "score": 0.9}
        for one in objects
    ]
    path = folder / DETECTIONS.format(split=split)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows))


def ours():
    """Our rows of Table 4, made anew, by metric."""
    run("evaluate", *MODEL, "--split", "test_dev")
    run("tables")
    table = pd.read_csv("reports/served/tables/table4.csv")
    return table[table["row"] == "CornerNet511 (single scale)"].set_index("metric")


def test_until_it_is_scored_it_says_so_and_then_it_has_the_servers_numbers(place, capsys):
    """That the page has val's scores meanwhile is in tests/reporting/tables/test_paper_tables.py."""
    rows = ours()
    printed = capsys.readouterr().out
    assert f"upload {ZIP}" in printed
    assert f"save what it answers as {SUBMISSION}/scores.json" in printed
    assert set(rows["status"]) == {"submitted, not scored"}
    assert rows["ours"].isna().all()
    digest = hashlib.sha256((place / ZIP).read_bytes()).hexdigest()
    answer = json.dumps({**FRACTIONS, "submission_sha256": digest})
    (place / SUBMISSION / "scores.json").write_text(answer)
    rows = ours()
    assert set(rows["status"]) == {"scored"}
    percent = {name: 100 * value for name, value in FRACTIONS.items()}
    assert rows["ours"].to_dict() == pytest.approx(percent)


@pytest.mark.parametrize("stage", ["submit", "evaluate", "evaluate the answer"])
def test_what_cannot_be_used_is_one_line_and_nothing_is_written(place, capsys, stage):
    """What else can be wrong is in tests/evaluation."""
    stage, _, answer = stage.partition(" ")
    split = "val" if stage == "evaluate" and not answer else "test_dev"
    if answer:
        of_another = {**FRACTIONS, "submission_sha256": "0" * 64}
        (place / SUBMISSION / "scores.json").write_text(json.dumps(of_another))
    else:
        path = place / DETECTIONS.format(split=split)
        first, *others = json.loads(path.read_text())
        path.write_text(json.dumps([{**first, "image_id": 999_999_999}, *others]))
        (place / ZIP).unlink()
    before = sorted(place.glob("reports/served/**/*"))
    arguments = [stage, *MODEL, *(["--split", split] if stage == "evaluate" else [])]
    assert main([*arguments, "--profile", "served"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    wrong = "scores of another submission" if answer else "an id that is not among the images of"
    assert wrong in line
    assert sorted(place.glob("reports/served/**/*")) == before
