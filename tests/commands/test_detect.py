"""`cornernet detect`: what it draws, prints and passes over; `cornernet import-weights`.

The detector is in tests/library, what can be wrong with a released file in
tests/model/test_released.py.
"""

import io
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from library.library_case import MANY, noise, write_video, write_weights
from pycocotools.coco import COCO

import cornernet
from cornernet.cli import main
from cornernet.config import load_params
from cornernet.data.coco.dataset import read_dataset
from cornernet.library.description import described, read_description
from cornernet.model.network import CornerNet
from cornernet.model.released import released_name
from cornernet.model.weights import save_weights

REPOSITORY = Path(__file__).parents[2]
SMOKE = ("--profile", "smoke", *(word for text in MANY for word in ("--set", text)))
WEIGHTS = "data/smoke/models/baseline-s0.safetensors"
IMPORT = ("import-weights", "--out", "models/ours.safetensors")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which an untrained baseline of the smoke profile was tested on val."""
    folder = tmp_path_factory.mktemp("detect")
    shutil.copytree(REPOSITORY / "params", folder / "params")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        torch.manual_seed(0)
        params = load_params("smoke", MANY)
        for stage in ("download", "prepare", "predict"):
            if stage == "predict":
                description = described(
                    params, "baseline", read_dataset(Path("data/smoke/dataset.json"))
                )
                untrained = CornerNet(4, params.model).state_dict()
                save_weights(Path(WEIGHTS), untrained, asdict(description))
            assert main([stage, *SMOKE]) == 0, stage
        yield folder


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder with what folders have: sub-folders, videos, files that are damaged or no images."""
    monkeypatch.chdir(tmp_path)
    write_weights(Path("w.safetensors"))
    Path("photos/a/.thumbnails").mkdir(parents=True)
    for number, name in enumerate(("1.png", "a/1.jpg", "a/1.PNG", "a/.thumbnails/1.png")):
        cv2.imwrite(f"photos/{name}", noise(number))
    Path("photos/a/notes.txt").write_text("no image")
    Path("photos/a/broken.jpg").write_bytes(Path("photos/a/1.jpg").read_bytes()[:500])
    write_video(Path("photos/clip.avi"), 7)
    Path("photos/broken.mp4").write_bytes(b"no video")
    return tmp_path


def detect(*arguments, weights="w.safetensors"):
    return main(["detect", *map(str, arguments), "--weights", str(weights)])


def test_detect_draws_and_prints_what_predict_found_in_every_image_of_a_folder(place, capsys):
    data = place / "data/smoke"
    found = ("--out", place / "found", "--threshold", 0)
    assert detect(data / "shapes/val", *found, weights=place / WEIGHTS) == 0
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
            assert list(row) == ["category", "category_id", "bbox", "score"]
            assert row["bbox"] == pytest.approx(other["bbox"], abs=0.01)
            assert row["score"] == pytest.approx(other["score"], abs=1e-4)


def test_a_bad_file_is_told_and_passed_over(photos, capsys):
    for _ in range(2):  # the second time beside the results of the first
        assert detect("photos", "absent.png", "--out", "photos/found") == 1
        out, err = capsys.readouterr()
        read = ["photos/1.png", "photos/a/1.PNG", "photos/a/1.jpg"]
        assert list(json.loads(out)) == read
        told = [line for line in err.splitlines() if line.startswith("passed over: ")]
        assert [line.split()[2] for line in told] == [
            "photos/a/broken.jpg:", "absent.png:", "photos/broken.mp4:",
        ]  # fmt: skip
        written = [str(p.relative_to("photos/found")) for p in Path("photos/found").rglob("*.*")]
        assert sorted(written) == ["1.png", "a/1-2.png", "a/1.png", "clip.jsonl"]
    assert detect("photos/broken.mp4", "absent.png") == 2
    assert not Path("found").exists()


def test_a_video_gives_a_line_of_json_for_each_frame(photos, capsys):
    assert detect("photos/clip.avi") == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in Path("found/clip.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(7))
    assert "boxes in 7 frames, found/clip.jsonl" in err
    assert out == ""
    capture, detector = cv2.VideoCapture("photos/clip.avi"), cornernet.load("w.safetensors")
    for line in lines:
        rows = detector(capture.read()[1]).to_coco(0)
        assert [box["bbox"] for box in line["boxes"]] == [row["bbox"] for row in rows]
    whole = Path("photos/clip.avi").read_bytes()
    Path("half.avi").write_bytes(whole[: len(whole) // 2])
    assert detect("half.avi") == 0
    assert "frames of the 7 that its header promises" in capsys.readouterr().err


def test_coco_and_csv_hold_the_same_boxes(photos, capsys):
    printed = {}
    for form in ("coco", "csv"):
        assert detect("photos/1.png", "photos/a/1.jpg", "--no-pictures", "--format", form) == 0
        printed[form] = capsys.readouterr().out
    assert not Path("found").exists()
    Path("boxes.json").write_text(printed["coco"])
    coco, table = COCO("boxes.json"), pd.read_csv(io.StringIO(printed["csv"]))
    assert [image["file_name"] for image in coco.loadImgs([1, 2])] == [
        "photos/1.png",
        "photos/a/1.jpg",
    ]
    assert {(image["width"], image["height"]) for image in coco.imgs.values()} == {(90, 60)}
    assert [c["name"] for c in coco.loadCats([3, 8, 90])] == ["cell", "blood, red", "\N{SNOWMAN}"]
    rows = coco.loadAnns(coco.getAnnIds())
    assert len(coco.loadRes(rows).anns) == len(rows) == len(table) > 20
    assert table["image"].tolist() == [coco.imgs[row["image_id"]]["file_name"] for row in rows]
    assert table["category"].tolist() == [coco.cats[row["category_id"]]["name"] for row in rows]
    np.testing.assert_allclose(table[["x", "y", "width", "height"]], [row["bbox"] for row in rows])
    assert [row["score"] for row in rows] == pytest.approx(table["score"].tolist())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("photos", "--threshold", "-1"), "scores lie between 0 and 1"),
        (("empty",), "empty: no image or video in this folder (.avif, "),
        (("photos", "--device", "cuda:99"), "no device 'cuda:99' here"),
        (("photos", "--batch-size", "0"), "greater than or equal to 1 (got 0)"),
        (("photos", "--set", "detection.flpi=1"), "did you mean 'flip'?"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(photos, capsys, arguments, said):
    Path("empty").mkdir()
    assert detect(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cornernet detect: ")
    assert said in line
    assert not Path("found").exists()


def test_weights_of_other_categories_are_refused_by_predict(place, capsys):
    weights = "data/smoke/models/baseline-s7.safetensors"
    save_weights(place / weights, CornerNet(3, load_params("smoke").model).state_dict())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["predict", "--profile", "smoke", "--seed", "7"]) == 2
    printed = capsys.readouterr().err.strip().splitlines()
    assert "baseline-s7.safetensors: predicts 3 categories, 4 are named" in printed[-1]
    assert not list(place.glob("data/smoke/detections/*-s7-*"))


@pytest.mark.parametrize("count", [4, 80])
def test_released_weights_say_that_they_are_of_the_profile_released(place, capsys, tmp_path, count):
    small = json.dumps(asdict(load_params("smoke", ["model.merge_kernel=1"]).model))
    model = CornerNet(count, load_params("smoke", ["model.merge_kernel=1"]).model)
    state = {f"module.{released_name(name)}": each for name, each in model.state_dict().items()}
    torch.save(state, tmp_path / "released.pkl")  # as the authors saved theirs
    given = [*IMPORT, str(tmp_path / "released.pkl")]
    if count == 4:
        assert main([*given, "--profile", "smoke"]) == 2
        assert "use profile as_run or released" in capsys.readouterr().err
        assert not Path("models").exists()
    assert main([*given, "--set", f"model={small}"]) == 0
    assert f"{len(state)} tensors under profile released" in capsys.readouterr().out
    description = read_description(Path("models/ours.safetensors"))
    assert (description.profile, description.detection) == (
        "released",
        load_params("released").detection,
    )
    names = [(category.id, category.name) for category in description.categories]
    assert names[0] == ((1, "person") if count == 80 else (1, "category 1"))
    assert names[-1] == ((90, "toothbrush") if count == 80 else (4, "category 4"))
    assert len(cornernet.load("models/ours.safetensors").description.categories) == count


def test_weights_from_before_they_said_what_they_are_get_it_added(place, capsys):
    old = CornerNet(4, load_params("smoke").model).state_dict()
    save_weights(Path("old.safetensors"), old)
    assert detect("data/smoke/shapes/val", weights="old.safetensors") == 2
    assert "`cornernet import-weights old.safetensors --out" in capsys.readouterr().err
    assert main([*IMPORT, "old.safetensors", *SMOKE]) == 0
    assert read_description(Path("models/ours.safetensors")) == read_description(place / WEIGHTS)
    assert detect("data/smoke/shapes/val", weights="models/ours.safetensors") == 0
