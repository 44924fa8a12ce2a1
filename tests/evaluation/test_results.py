"""What cannot be scored is refused with one line each, saying what, where and how to mend."""

import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.coco_metrics import evaluate_detections
from evaluation.reference import random_split

CONTENT, RESULTS = random_split(0)
ROW = RESULTS[0]
CATEGORIES = [row["id"] for row in CONTENT["categories"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 77_777}, r"1 with an id that is not among the images .*\(77777\)"),
        ({"category_id": 777}, r"1 with an id that is not among the categories .*\(777\)"),
        ({"score": float("nan")}, r"score that is not a finite number, the first is number 2"),
        ({"score": float("inf")}, r"score that is not a finite number"),
        ({"score": "0.5"}, r"number 2 has a score that is not a number: '0.5'"),
        ({"score": None}, r"number 2 has a score that is not a number: None"),
        ({"bbox": [1, 2, float("nan"), 4]}, r"1 with a box that is not finite"),
        ({"bbox": [1, 2, -3, 4]}, r"1 with a box of negative width or height"),
        ({"bbox": [1, 2, 3]}, r"number 2 has a bbox that is no list of four numbers"),
        ({"bbox": "1234"}, r"number 2 has a bbox that is no list of four numbers"),
        ({"bbox": [1, 2, 3, "4"]}, r"number 2 has a bbox that is not a number"),
        ({"image_id": 1.5}, r"number 2 has a image_id that is not an integer: 1.5"),
        ({"image_id": 2**70}, r"number 2 has a image_id that is too large"),
    ],
)
def test_detections_that_cannot_be_scored(change, said):
    with pytest.raises(BadInput, match=said) as raised:
        evaluate_detections(CONTENT, [ROW, {**ROW, **change}])
    assert all("\n" not in line and "; " in line for line in raised.value.problems)


def test_each_kind_of_problem_has_its_line():
    wrong = [{**ROW, "image_id": 77_777, "score": float("nan")}, {**ROW, "category_id": 777}]
    with pytest.raises(BadInput) as raised:
        evaluate_detections(CONTENT, [*wrong, ROW])
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize("key", ["image_id", "category_id", "bbox", "score"])
def test_a_detection_lacks_a_key(key):
    with pytest.raises(BadInput, match=f"number 2 has no {key}"):
        evaluate_detections(CONTENT, [ROW, {k: ROW[k] for k in ROW if k != key}])


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "5", '"text"', "[[1, 2]]", "[5]"])
def test_a_file_that_holds_no_results(tmp_path, text):
    path = tmp_path / "detections.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"detections\.json: "):
        evaluate_detections(CONTENT, path)


def test_a_file_that_is_absent(tmp_path):
    with pytest.raises(BadInput, match=r"absent\.json: cannot be read"):
        evaluate_detections(CONTENT, tmp_path / "absent.json")
    with pytest.raises(BadInput, match=r"absent\.json: cannot be read"):
        evaluate_detections(tmp_path / "absent.json", RESULTS)


def test_files_and_their_content_score_alike(tmp_path):
    for name, content in (("annotations", CONTENT), ("detections", RESULTS)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    of_files = evaluate_detections(tmp_path / "annotations.json", tmp_path / "detections.json")
    assert of_files.metrics == evaluate_detections(CONTENT, RESULTS).metrics


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("annotations", None, "no annotations in it"),
        ("categories", None, "no categories in it"),
        ("images", [], "no images in it"),
        ("images", [{"id": 1}, {"id": 1}], "images: 1 doubled ids"),
        ("categories", [{"id": "1"}], "categories: number 1 has a id that is not an integer"),
        ("images", [{"id": 1}], "annotations: .* not among the images"),
        ("categories", [{"id": 999}], "annotations: .* not among the categories"),
    ],
)
def test_annotations_that_cannot_be_scored_against(key, value, said):
    content = {k: v for k, v in CONTENT.items() if k != key}
    if value is not None:
        content[key] = value
    with pytest.raises(BadInput, match=said):
        evaluate_detections(content, RESULTS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"area": float("nan")}, "area that is not a finite number"),
        ({"area": "12"}, "area that is not a finite number"),
        ({"bbox": [0, 0, -1, 5]}, "negative width or height"),
        ({"bbox": None}, "no list of four numbers"),
    ],
)
def test_an_object_that_cannot_be(change, said):
    rows = [*CONTENT["annotations"][:-1], {**CONTENT["annotations"][-1], **change}]
    with pytest.raises(BadInput, match=said):
        evaluate_detections({**CONTENT, "annotations": rows}, RESULTS)
