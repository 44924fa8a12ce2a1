"""`cornernet prepare` on somebody's own folder: what it tells, and which params it refuses."""

import shutil
from pathlib import Path

import pytest
from data.coco.small_dataset import SPLITS, SmallDataset

from cornernet.cli import main

REPOSITORY = Path(__file__).parents[2]
TEN = ("train.iterations=10", "train.learning_rate_drops=[]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with params/, and a data set in own/."""
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    (tmp_path / "own").mkdir()
    dataset = SmallDataset(tmp_path / "own")
    dataset.trees["val"]["annotations"].append({**dataset.trees["val"]["annotations"][0], "id": 9})
    dataset.write_annotations()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cornernet(stage, *overrides):
    files = [
        f"{n}: {{images: {SPLITS[n].images}, annotations: {n}.json}}" for n in ("train", "val")
    ]
    settings = ("data.root=own", f"data.splits={{{', '.join(files)}}}", *overrides)
    words = [word for setting in settings for word in ("--set", setting)]
    return main([stage, "--profile", "custom", *words])


def test_notes_are_a_line_each_and_params_that_contradict_the_data_are_refused(folder, capsys):
    assert cornernet("download", *TEN) == 0
    assert cornernet("prepare", *TEN) == 0
    said = capsys.readouterr().out.splitlines()
    assert any(
        line.endswith("handled by rule: 1 images without boxes, 1 boxes given twice")
        for line in said
    )
    assert [line for line in said if "note" in line] == [
        "prepare: note: val: a box that is given twice in 1 annotation (id 9); "
        "drop one of the two: a detector finds it once",
        "prepare: note: train.checkpoint_every: 100 is beyond train.iterations, 10: "
        "a training that is killed begins again",
    ]
    assert cornernet("radii", *TEN) == 0
    for stage, settings, refusal in (
        ("prepare", ["train.iterations=300", "train.learning_rate_drops=[850, 1000]"], "train.learning_rate_drops: 850, 1000 beyond train.iterations, 300; write [240], or [] for none"),
        ("prepare", [*TEN, "train.validate={every: 5, images: 4}"], "train.validate.images: 4, but val has 3 images; write 3"),
        ("train", [*TEN, "train.validate={every: 5, images: 4}"], "train.validate.images: 4, but val has 3 images; write 3"),
    ):  # fmt: skip
        capsys.readouterr()
        assert cornernet(stage, *settings) == 2
        lines = capsys.readouterr().err.splitlines()
        (line,) = (line for line in lines if not line.endswith("the CPU does the work"))
        assert refusal in line


def test_what_another_version_prepared_is_prepared_again(folder, capsys):
    assert cornernet("download", *TEN) == cornernet("prepare", *TEN) == 0
    dataset = folder / "data/custom/dataset.json"
    before = dataset.read_text()
    dataset.write_text("{}")
    assert cornernet("radii", *TEN) == 2
    assert "`cornernet prepare` makes it again" in capsys.readouterr().err
    assert cornernet("prepare", *TEN) == cornernet("radii", *TEN) == 0
    assert before != dataset.read_text()  # files.yaml, of which it has a copy, said why
    assert cornernet("prepare", *TEN) == 0
