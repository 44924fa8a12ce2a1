"""What `evaluate` writes is pycocotools' own, and another result of ours is refused."""

import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.coco_api import judged_metrics
from cornernet.evaluation.coco_metrics import evaluate_detections
from evaluation.reference import assert_equal_metrics, coco_metrics, random_split


@pytest.mark.parametrize("given", ["file", "list", "no detections", "no area and no iscrowd"])
def test_the_twelve_are_those_of_the_coco_api(tmp_path, given):
    content, results = random_split(3, crowded=given != "no area and no iscrowd")
    expected = content
    if given == "no detections":
        results = []
    if given == "no area and no iscrowd":
        rows = [
            {k: v for k, v in row.items() if k not in ("area", "iscrowd")}
            for row in content["annotations"]
        ]
        filled = [{**row, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0} for row in rows]
        content, expected = {**content, "annotations": rows}, {**content, "annotations": filled}
    annotations, detections = tmp_path / "annotations.json", tmp_path / "detections.json"
    annotations.write_text(json.dumps(content))
    detections.write_text(json.dumps(results))
    found = detections if given == "file" else results
    ours = evaluate_detections(annotations, found).metrics
    judged = judged_metrics(ours, annotations, found)
    assert list(judged) == list(ours)
    if results:
        assert_equal_metrics(judged.values(), coco_metrics(expected, results))
    for wrong in (ours["AP75"] + 1e-6, None):
        with pytest.raises(BadInput, match=r"AP75 .*, not .* fault of cornernet"):
            judged_metrics({**ours, "AP75": wrong}, annotations, found)
