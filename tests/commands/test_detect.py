"""`cornernet detect`: pictures, JSON, and what it refuses; `cornernet import-weights` likewise.

What can be wrong with a released file is in tests/model/test_released.py.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.model.network import CornerNet
from cornernet.model.weights import released_name, save_weights

REPOSITORY = Path(__file__).parents[2]
# All corners are asked for, and all belong together, so that an untrained network finds boxes.
MANY = ("--set", "detection.embedding_distance=100", "--set", "detection.top_corners=1000")
SMOKE = ("--profile", "smoke", *MANY)
IMPORT = ("import-weights", "released.pkl", "--out", "models/ours.safetensors", "--profile")
MERGED = (*IMPORT, "smoke", "--set", "model.merge_kernel=1")
WEIGHT = "kps.0.up1.0.bn1.bias"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which an untrained baseline of the smoke profile was tested on val."""
    folder = tmp_path_factory.mktemp("detect")
    shutil.copytree(REPOSITORY / "params", folder / "params")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        torch.manual_seed(0)
        untrained = CornerNet(4, load_params("smoke").model)
        save_weights(folder / "data/smoke/models/baseline-s0.safetensors", untrained.state_dict())
        for stage in ("download", "prepare", "predict"):
            assert main([stage, *SMOKE]) == 0, stage
        yield folder


def detect(place, *images, weights="data/smoke/models/baseline-s0.safetensors"):
    command = ["detect", *map(str, images), *SMOKE, "--weights", str(place / weights)]
    return main([*command, "--out", str(place / "found"), "--score", "0"])


def test_detect_draws_and_prints_what_predict_found_in_every_image_of_a_folder(place, capsys):
    data = place / "data/smoke"
    assert detect(place, data / "shapes/val") == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == [str(path) for path in sorted((data / "shapes/val").iterdir())]
    stored = json.loads((data / "detections/baseline-s0-val-single_scale.json").read_text())
    assert stored
    dataset = json.loads((data / "shapes/annotations/instances_val.json").read_text())
    for image in dataset["images"]:
        path = data / "shapes/val" / image["file_name"]
        assert (place / "found" / f"{path.stem}.png").read_bytes()[:4] == b"\x89PNG"
        of_image = [row for row in stored if row["image_id"] == image["id"]]
        for row, other in zip(printed[str(path)], of_image, strict=True):
            assert set(row) == {"category", "bbox", "score", "category_id"}
            assert row["bbox"] == pytest.approx(other["bbox"], abs=0.01)
            assert row["score"] == pytest.approx(other["score"], abs=1e-4)


def test_detect_refuses_what_is_no_image_before_it_writes(place, capsys, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    good = next((place / "data/smoke/shapes/val").iterdir())
    shutil.rmtree(place / "found", ignore_errors=True)
    assert detect(place, good, tmp_path / "broken.jpg", tmp_path / "absent.png") == 2
    printed = capsys.readouterr().err
    assert "broken.jpg: damaged or truncated file, or not an image" in printed
    assert "absent.png: no such image file; check the name" in printed
    assert "annotation" not in printed
    assert not (place / "found").exists()
    (tmp_path / "empty").mkdir()
    assert detect(place, tmp_path / "empty") == 2
    assert "no image in this folder" in capsys.readouterr().err


def test_weights_that_do_not_fit_are_refused(place, capsys):
    weights = "data/smoke/models/baseline-s7.safetensors"
    save_weights(place / weights, CornerNet(3, load_params("smoke").model).state_dict())
    good = next((place / "data/smoke/shapes/val").iterdir())
    assert detect(place, good, weights="params/demo.yaml") == 2
    assert "not a weights file" in capsys.readouterr().err
    assert detect(place, good, weights=weights) == 2
    assert "the weights know 3 categories" in capsys.readouterr().err
    assert main(["predict", "--profile", "smoke", "--seed", "7"]) == 2
    printed = capsys.readouterr().err.strip().splitlines()
    assert "baseline-s7.safetensors: predicts 3 categories, the data set has 4" in printed[-1]
    assert not list(place.glob("data/smoke/detections/*-s7-*"))


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A whole state dict as the authors saved theirs, of the smallest profile's network."""
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    model = CornerNet(4, load_params("smoke", ["model.merge_kernel=1"]).model)
    return {f"module.{released_name(name)}": each for name, each in model.state_dict().items()}


def refused(command, capsys):
    before = sorted(Path().iterdir())
    assert main(command) == 2
    assert sorted(Path().iterdir()) == before
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_whole_file_is_written_and_a_wrong_one_is_one_line_and_leaves_nothing(state, capsys):
    assert "import-weights: released.pkl: no such file" in refused(MERGED, capsys)
    torch.save(state | {f"module.{WEIGHT}": torch.full((8,), torch.nan)}, "released.pkl")
    assert f"released.pkl: NaN or infinite numbers in {WEIGHT}" in refused(MERGED, capsys)
    torch.save(state, "released.pkl")
    assert "use profile as_run or released" in refused([*IMPORT, "smoke"], capsys)
    assert main(MERGED) == 0
    assert f"{len(state)} tensors under profile smoke" in capsys.readouterr().out
    assert Path("models/ours.safetensors").is_file()
