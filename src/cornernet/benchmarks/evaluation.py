"""COCO's metrics of a whole split, beside the COCO API itself."""

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.benchmarks import splits
from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.record import Result, timed, times_as_fast
from cornernet.benchmarks.timing import time_in_turn
from cornernet.errors import BadInput
from cornernet.evaluation.accumulate import rank
from cornernet.evaluation.coco_metrics import (
    COCO_METRICS,
    METRICS,
    evaluate_detections,
    metric_values,
)
from cornernet.evaluation.matching import match
from cornernet.evaluation.results import GroundTruth, Results, read_ground_truth, read_results

YARDSTICK = "pycocotools"
AIM = 10.0
SAME = 1e-9  # of metrics as fractions
IN_MEMORY, FROM_FILES = "evaluate + accumulate", "from files to metrics"


def run(conditions: Conditions) -> Result:
    """Time matching and accumulation alone, then everything from files to the twelve metrics."""
    content, origin = splits.annotations(conditions.data, conditions.quick)
    an_image = splits.QUICK_DETECTIONS if conditions.quick else splits.DETECTIONS
    detections = splits.made_detections(content, an_image)
    window = conditions.window(rounds=5, seconds=60)
    measurements, claims, checks = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "annotations.json", Path(folder) / "detections.json"
        for path, value in zip(files, (content, detections), strict=True):
            path.write_text(json.dumps(value))
        objects, results = _arrays(*files)
        for case, aim, ours, theirs in (
            (IN_MEMORY, AIM, partial(_from_arrays, objects, results), _loaded_coco(*files)),
            (FROM_FILES, None, partial(_from_files, *files), lambda: _loaded_coco(*files)()),
        ):
            checks.append(
                require_same(f"{case}: the twelve metrics", ours(), theirs(), tolerance=SAME)
            )
            times = time_in_turn({"ours": ours, YARDSTICK: theirs}, window, warm_up=False)
            measurements += timed(case, times, precision="float64")
            claims.append(times_as_fast(case, times, YARDSTICK, aim))
    return Result(
        measurements=tuple(measurements),
        claims=tuple(claims),
        checks=tuple(checks),
        notes=(origin, "detections are made: some near the objects, others anywhere"),
        sizes={
            "images": len(content["images"]),
            "objects": len(content["annotations"]),
            "detections": len(detections),
        },
        window=window,
    )


def _arrays(annotations: Path, detections: Path) -> tuple[GroundTruth, Results]:
    objects = read_ground_truth(annotations)
    known = objects.image_ids, objects.category_ids
    return objects, read_results(detections, *known, objects.name)  # type: ignore[arg-type]


def _from_arrays(objects: GroundTruth, results: Results) -> np.ndarray:
    """The twelve as fractions, by the steps that `evaluate_detections` takes after reading."""
    images, categories = len(objects.image_ids), len(objects.category_ids)
    rankings = rank(match(objects, results), images, categories)
    values = metric_values(rankings, np.ones((1, images), dtype=np.int32))[0]
    return _twelve(dict(zip(METRICS, values.tolist(), strict=True)))


def _from_files(annotations: Path, detections: Path) -> np.ndarray:
    return _twelve(evaluate_detections(annotations, detections).metrics)


def _twelve(metrics: dict[str, Any]) -> np.ndarray:
    """COCO's metrics as fractions, NaN where undefined.  [12]"""
    values = [metrics[name] for name in COCO_METRICS]
    return np.array([np.nan if value is None else value / 100 for value in values], float)


def _loaded_coco(annotations: Path, detections: Path) -> Callable[[], np.ndarray]:
    """Reads both files into the COCO API; what comes back evaluates and accumulates each time."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise BadInput(
            "bench evaluation: pycocotools, the yardstick, is not installed; pip install it"
        ) from None
    with contextlib.redirect_stdout(io.StringIO()):
        objects = COCO(str(annotations))
        results = objects.loadRes(str(detections))

    def evaluate() -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(objects, results, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        stats = np.array(evaluation.stats, float)
        return np.where(stats == -1, np.nan, stats)

    return evaluate
