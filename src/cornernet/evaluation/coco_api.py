"""The COCO API (pycocotools) as the judge of our metrics: what is reported of a split is its word.

Ours computes the same from matches that it keeps, which the halves of the intervals need.
"""

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.errors import BadInput
from cornernet.evaluation.metric_names import COCO_METRICS

LARGEST_DIFFERENCE = 1e-9  # of a metric as a fraction: what the order of additions may change


def judged_metrics(
    ours: Mapping[str, float | None], annotations: Path, detections: Path | Sequence[dict[str, Any]]
) -> dict[str, float | None]:
    """`ours` (percent, None where undefined) with COCO's twelve as the COCO API computes them.

    `annotations` and `detections` are those that ours were computed from. Raises BadInput if one of
    the twelve is another than ours.
    """
    judged = coco_api_metrics(annotations, detections)
    mine = np.array([ours[name] for name in judged], float)
    theirs = np.array([*judged.values()], float)
    same = np.isclose(mine, theirs, rtol=0, atol=100 * LARGEST_DIFFERENCE, equal_nan=True)
    wrong = [
        f"{name} {ours[name]}, not {value}"
        for (name, value), equal in zip(judged.items(), same, strict=True)
        if not equal
    ]
    if wrong:
        raise BadInput(
            f"{annotations}: cornernet's metrics are not those of the COCO API: "
            f"{'; '.join(wrong)}. This is a fault of cornernet: please report it, with both files"
        )
    return {**ours, **judged}


def coco_api_metrics(
    annotations: Path, detections: Path | Sequence[dict[str, Any]]
) -> dict[str, float | None]:
    """COCO's twelve metrics by pycocotools, in percent; None where it says -1."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    tree = json.loads(annotations.read_bytes())
    results = json.loads(detections.read_bytes()) if isinstance(detections, Path) else detections
    for number, row in enumerate(tree["annotations"], start=1):
        row["id"] = number  # a match with the id 0 is none to pycocotools
        # It asks for keys that COCO's files always have.
        if row.get("area") is None:
            row["area"] = row["bbox"][2] * row["bbox"][3]
        row.setdefault("iscrowd", 0)
    found = [
        {"id": number, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0, **row}
        for number, row in enumerate(results, start=1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints as it goes
        objects, boxes = COCO(), COCO()
        for index, rows in ((objects, tree["annotations"]), (boxes, found)):
            index.dataset = {**tree, "annotations": rows}
            index.createIndex()
        run = COCOeval(objects, boxes, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    values = zip(COCO_METRICS, run.stats.tolist(), strict=True)
    return {name: None if value == -1 else 100 * value for name, value in values}
