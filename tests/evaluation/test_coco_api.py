"""What `evaluate` writes is pycocotools' own, and another result of ours is refused."""

import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.coco_api import judged_metrics
from cornernet.evaluation.coco_metrics import evaluate_detections
from evaluation.reference import assert_equal_metrics, coco_metrics, random_split


@pytest.mark.parametrize("crowded", [True, False])
def test_the_twelve_are_those_of_the_coco_api(tmp_path, crowded):
    """Without crowds the annotations have neither area nor iscrowd, and results are a list.

    Their ids begin at 0 then, with which pycocotools marks what was not found.
    """
    content, results = random_split(3, crowded=crowded)
    expected = content["annotations"]
    if not crowded:
        expected = [{**row, "area": row["bbox"][2] * row["bbox"][3]} for row in expected]
        for row in content["annotations"]:
            del row["area"], row["iscrowd"]
            row["id"] -= 1
    annotations, detections = tmp_path / "annotations.json", tmp_path / "detections.json"
    annotations.write_text(json.dumps(content))
    detections.write_text(json.dumps(results))
    for found in (detections if crowded else results, []):
        ours = evaluate_detections(annotations, found).metrics
        judged = judged_metrics(ours, annotations, found)
        assert list(judged) == list(ours)
        for wrong in (ours["AP75"] + 1e-6, None):
            with pytest.raises(BadInput, match=r"AP75 .*, not .* fault of cornernet"):
                judged_metrics({**ours, "AP75": wrong}, annotations, found)
        if found:
            reference = coco_metrics({**content, "annotations": expected}, results)
            assert_equal_metrics(judged.values(), reference)
