"""What cannot be scored is refused with one line each, saying what, where and how to mend."""

import hashlib
import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.coco_metrics import evaluate_detections
from evaluation.reference import evaluated, random_split

CONTENT, RESULTS = random_split(0)
ROW = RESULTS[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 77_777}, r"1 with an id that is not among the images .* number 2 \(77777\)"),
        ({"category_id": 777}, r"1 with an id that is not among the categories .* \(777\)"),
        ({"score": float("nan")}, r"score that is not a finite number, the first is number 2"),
        ({"score": "0.5"}, r"number 2, score: Input should be a valid number"),
        ({"bbox": [1, 2, float("nan"), 4]}, r"1 with a box that is not finite"),
        ({"bbox": [1, 2, -3, 4]}, r"1 with a box of negative width or height"),
        ({"bbox": [1, 2, 3]}, r"number 2, bbox: List should have at least 4 items"),
        ({"bbox": [1, 2, 3, "4"]}, r"number 2, bbox, 3: Input should be a valid number"),
        ({"image_id": 2**70}, r"number 2, image_id: Input should be less than 9223372"),
    ],
)
def test_detections_that_cannot_be_scored(change, said):
    with pytest.raises(BadInput, match=said) as raised:
        evaluated(CONTENT, [ROW, {**ROW, **change}])
    assert all("\n" not in line and "; " in line for line in raised.value.problems)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1}', "5", '"text"', "[[1, 2]]", '[{"image_id": 1}]']
)
def test_a_file_that_holds_no_results(tmp_path, text):
    path = tmp_path / "detections.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"detections\.json: "):
        evaluated(CONTENT, path)


def test_a_file_that_is_absent(tmp_path):
    with pytest.raises(BadInput, match=r"absent\.json: cannot be read"):
        evaluated(CONTENT, tmp_path / "absent.json")
    with pytest.raises(BadInput, match=r"absent\.json: no such annotation file"):
        evaluate_detections(tmp_path / "absent.json", RESULTS)


def test_a_file_scores_as_its_content_and_the_digest_is_that_of_the_annotations(tmp_path):
    annotations, path = tmp_path / "annotations.json", tmp_path / "detections.json"
    annotations.write_text(json.dumps(CONTENT))
    path.write_text(json.dumps(RESULTS))
    found = evaluate_detections(annotations, path)
    assert found.metrics == evaluated(CONTENT, RESULTS).metrics
    assert found.annotations_digest == hashlib.sha256(annotations.read_bytes()).hexdigest()


def test_annotations_are_held_to_the_rules_of_training():
    last = {**CONTENT["annotations"][-1], "bbox": [0, 0, -1, 5]}
    with pytest.raises(BadInput, match=r"annotations.json: .*negative width or height"):
        evaluated({**CONTENT, "annotations": [last]}, [])
