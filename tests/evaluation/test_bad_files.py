"""What cannot be scored is refused with one line each, saying what, where and how to mend."""

import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.coco_metrics import evaluate_detections
from evaluation.reference import evaluated, random_split

CONTENT, RESULTS = random_split(0)
ROW = RESULTS[0]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("image_id", 77_777, r"id that is not among the images .* 1 detection \(number 2: 77777\)"),
        ("category_id", 777, r"an id that is not among the categories .*\(number 2: 777\)"),
        ("score", float("nan"), r"score that is not a finite number .* \(number 2: nan\)"),
        ("score", "0.5", r"wrong or missing 'score' .* \(number 2: .*\); must be a number"),
        ("bbox", [1, 2, float("nan"), 4], r"a box that is not finite in 1 detection"),
        ("bbox", [1, 2, -3, 4], r"a box of negative width or height in 1 detection"),
        ("bbox", [1, 2, 3], r"'bbox' .* \(number 2: .*\); must be a list of four numbers"),
        ("bbox", [1, 2, 3, "4"], r"wrong or missing 'bbox' in 1 detection \(number 2: .*\)"),
        ("image_id", 2**70, r"wrong or missing 'image_id' .*must be an integer of 64 bits"),
    ],
)
def test_detections_that_cannot_be_scored(key, value, said):
    with pytest.raises(BadInput, match=said) as raised:
        evaluated(CONTENT, [ROW, {**ROW, key: value}])
    assert all("\n" not in line and "; " in line for line in raised.value.problems)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1}', "5", '"text"', "[[1, 2]]", '[{"image_id": 1}]']
)
def test_a_file_that_holds_no_results(tmp_path, text):
    path = tmp_path / "detections.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"detections\.json: "):
        evaluated(CONTENT, path)


def test_a_file_scores_as_its_content_and_one_that_is_absent_is_refused(tmp_path):
    path = tmp_path / "detections.json"
    with pytest.raises(BadInput, match=r"detections\.json: cannot be read"):
        evaluated(CONTENT, path)
    with pytest.raises(BadInput, match=r"detections\.json: no such annotation file"):
        evaluate_detections(path, RESULTS)
    path.write_text(json.dumps(RESULTS))
    assert evaluated(CONTENT, path).metrics == evaluated(CONTENT, RESULTS).metrics


def test_annotations_are_held_to_the_rules_of_training():
    last = {**CONTENT["annotations"][-1], "bbox": [0, 0, -1, 5]}
    with pytest.raises(BadInput, match=r"annotations.json: .*negative width or height"):
        evaluated({**CONTENT, "annotations": [last]}, [])
