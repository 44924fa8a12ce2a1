"""The zip that goes to the evaluation server, and the stand-in that scores it."""

import json
import re
import zipfile

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.submission import read_submission, submission_stem, write_submission
from evaluation.reference import evaluated, random_split

CONTENT, RESULTS = random_split(2, images=8, decimals=8, overfull=False)
IMAGES = [row["id"] for row in CONTENT["images"]]
CATEGORIES = [row["id"] for row in CONTENT["categories"]]


def submit(path, results=RESULTS):
    write_submission(path, results, IMAGES, CATEGORIES, "full_schedule-s0-single_scale")


def test_naming_and_format_are_the_servers(tmp_path):
    stem = submission_stem("full_schedule-s0-single_scale")
    assert stem == "detections_test-dev2017_full-schedule-s0-single-scale_results"
    path = tmp_path / "new" / f"{stem}.zip"
    submit(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{stem}.json"]
        assert archive.testzip() is None
        rows = json.loads(archive.read(f"{stem}.json"))
    for row, given in zip(rows, RESULTS, strict=True):
        assert sorted(row) == ["bbox", "category_id", "image_id", "score"]
        assert (row["image_id"], row["category_id"]) == (given["image_id"], given["category_id"])
        assert row["bbox"] == pytest.approx(given["bbox"], abs=0.0051)
        assert row["score"] == pytest.approx(given["score"], abs=5.1e-7)
        for number in row["bbox"]:
            assert re.fullmatch(r"-?\d+\.\d{1,2}", repr(number))


def test_the_same_detections_are_the_same_bytes(tmp_path, monkeypatch):
    submit(tmp_path / "a.zip")
    monkeypatch.setattr("time.time", lambda: 2e9)
    submit(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    submit(tmp_path / "b.zip", RESULTS[1:])
    assert (tmp_path / "a.zip").read_bytes() != (tmp_path / "b.zip").read_bytes()


def test_a_submission_scores_what_the_detections_score(tmp_path):
    submit(tmp_path / "a.zip")
    rows = read_submission(tmp_path / "a.zip")
    assert len(rows) == len(RESULTS)
    scored, plain = evaluated(CONTENT, rows).metrics, evaluated(CONTENT, RESULTS).metrics
    assert scored["AR_medium"] == pytest.approx(plain["AR_medium"], abs=3)  # rounding alone


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([{**RESULTS[0], "image_id": 77_777}], "not among the images"),
        ([RESULTS[0]] * 101, "1 images have more than 100 detections"),
    ],
)
def test_what_the_server_would_refuse_is_not_written(tmp_path, results, said):
    submit(tmp_path / "a.zip", [])
    assert read_submission(tmp_path / "a.zip") == []
    with pytest.raises(BadInput, match=said):
        submit(tmp_path / "a.zip", results)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert read_submission(tmp_path / "a.zip") == []  # the old zip is whole


NAME = f"{submission_stem('x')}.json"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "a submission holds one file"),
        ({"other.json": "[]"}, "a submission holds one file"),
        ({NAME: "[]", "more.json": "[]"}, "a submission holds one file"),
        ({NAME: "["}, "not a readable zip of JSON"),
        ({NAME: "{}"}, "no list of detections"),
    ],
)
def test_a_zip_that_is_no_submission(tmp_path, members, said):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(BadInput, match=said):
        read_submission(tmp_path / "a.zip")


def test_a_submission_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.zip"
    with pytest.raises(BadInput, match="not there"):
        read_submission(path)
    submit(path)
    damaged = bytearray(path.read_bytes())
    damaged[150:400] = bytes(250)
    path.write_bytes(damaged)
    with pytest.raises(BadInput, match="not a readable zip"):
        read_submission(path)
