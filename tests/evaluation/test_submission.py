"""The zip that goes to the evaluation server, and the stand-in that scores it."""

import re
import zipfile

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.submission import read_submission, write_submission
from cornernet.pipeline.paths import SUBMISSION
from evaluation.reference import random_split

CONTENT, RESULTS = random_split(2, images=8, decimals=8, overfull=False)
IMAGES = [row["id"] for row in CONTENT["images"]]
CATEGORIES = [row["id"] for row in CONTENT["categories"]]


def submit(path, results=RESULTS):
    write_submission(path, results, IMAGES, CATEGORIES)


def test_naming_and_format_are_the_servers(tmp_path):
    assert SUBMISSION == "detections_test-dev2017_cornernet_results.zip"
    path = tmp_path / "new" / SUBMISSION
    submit(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{path.stem}.json"]
        assert archive.testzip() is None
    for row, given in zip(read_submission(path), RESULTS, strict=True):
        assert sorted(row) == ["bbox", "category_id", "image_id", "score"]
        assert (row["image_id"], row["category_id"]) == (given["image_id"], given["category_id"])
        assert row["bbox"] == pytest.approx(given["bbox"], abs=0.0051)
        assert row["score"] == given["score"]
        for number in row["bbox"]:
            assert re.fullmatch(r"-?\d+\.\d{1,2}", repr(number))


def test_the_same_detections_are_the_same_bytes(tmp_path, monkeypatch):
    def written(results=RESULTS):
        submit(tmp_path / "a.zip", results)
        return (tmp_path / "a.zip").read_bytes()

    before = written()
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert written() == before != written(RESULTS[1:])


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


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "holds nothing, but a submission holds one file, a.json"),
        ({"other.json": "[]"}, "holds other.json, but a submission holds one file"),
        ({"a.json": "[]", "more.json": "[]"}, "a submission holds one file"),
        ({"a.json": "["}, "not a readable zip of JSON"),
        ({"a.json": "{}"}, "no list of detections"),
    ],
)
def test_a_zip_that_is_no_submission(tmp_path, members, said):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(BadInput, match=said):
        read_submission(tmp_path / "a.zip")


def test_a_submission_that_is_absent_or_damaged(tmp_path):
    path = tmp_path / "a.zip"
    with pytest.raises(BadInput, match="not there"):
        read_submission(path)
    submit(path)
    path.write_bytes(path.read_bytes()[:100] + bytes(250) + path.read_bytes()[350:])
    with pytest.raises(BadInput, match="not a readable zip"):
        read_submission(path)
