"""COCO's metrics of a whole split beside the COCO API itself, and their confidence intervals."""

import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.made_data import (
    DETECTIONS,
    QUICK_DETECTIONS,
    annotated_split,
    made_detections,
)
from benchmarks.measuring import Settings, Window, ratios, require_equal, time_in_turn
from benchmarks.record import Record
from cornernet.errors import BadInput
from cornernet.evaluation.coco_api import coco_api_metrics
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.evaluation.half_sampling import half_sampled_metrics
from cornernet.evaluation.metric_names import COCO_METRICS

OURS, BASELINE = "ours", "pycocotools"
WINDOW = Window(rounds=3, seconds=1)
HALVES, QUICK_HALVES = 1000, 12  # as `evaluation.halves` of the profile `paper`
SAME = 1e-7  # of metrics in percent


def evaluation(settings: Settings, record: Record) -> None:
    """Time everything from files to the twelve metrics, and confidence intervals for all of ours.

    No library has those: `tests/evaluation` holds the halves against the COCO API.
    """
    content, origin = annotated_split(settings.data, settings.quick)
    detections = made_detections(content, QUICK_DETECTIONS if settings.quick else DETECTIONS)
    record.note(f"{origin}; detections are made: some near the objects, others anywhere")
    record.sizes(**{name: len(rows) for name, rows in content.items()}, detections=len(detections))
    record.window(WINDOW)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "annotations.json", Path(folder) / "detections.json"
        for path, value in zip(files, (content, detections), strict=True):
            path.write_text(json.dumps(value))
        ours, baseline = partial(from_files, *files), partial(by_pycocotools, *files)
        record.check(require_equal("the twelve metrics", ours(), baseline(), SAME))
        times = time_in_turn({OURS: ours, BASELINE: baseline}, WINDOW, settings)
        evaluated = evaluate_detections(*files)
    what = "from files to metrics"
    for name, seconds in times.items():
        record.add(what, name, seconds, "s", "float64")
    record.add(what, f"{BASELINE} / {OURS}", ratios(times[BASELINE], times[OURS]), "times")
    count = QUICK_HALVES if settings.quick else HALVES
    sample = partial(half_sampled_metrics, evaluated, count, seed=0, threads=settings.threads)
    times = time_in_turn({OURS: sample}, WINDOW, settings)
    record.add(f"confidence intervals by {count} halves", OURS, times[OURS], "s", "float64")


def from_files(annotations: Path, detections: Path) -> np.ndarray:
    """COCO's twelve metrics in percent, NaN where undefined.  [12]"""
    metrics = evaluate_detections(annotations, detections).metrics
    return np.array([metrics[name] for name in COCO_METRICS], float)


def by_pycocotools(annotations: Path, detections: Path) -> np.ndarray:
    """The same by the COCO API. Raises BadInput where it is not installed."""
    try:
        judged = coco_api_metrics(annotations, detections)
    except ImportError:
        raise BadInput("pycocotools, the baseline, is not installed; pip install it") from None
    return np.array(list(judged.values()), float)
