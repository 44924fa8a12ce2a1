"""COCO's metrics of a whole split beside the COCO API itself, and their confidence intervals."""

import contextlib
import io
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
from cornernet.evaluation.bootstrap import confidence_intervals
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.evaluation.metric_names import COCO_METRICS

OURS, BASELINE = "ours", "pycocotools"
WINDOW = Window(rounds=3, seconds=1)
RESAMPLES, QUICK_RESAMPLES = 1000, 12  # as `evaluation.resamples` of the profile `paper`
SAME = 1e-9  # of metrics as fractions


def evaluation(settings: Settings, record: Record) -> None:
    """Time everything from files to the twelve metrics, and confidence intervals for all of ours.

    No library has those: `tests/evaluation` holds them against resamples that are written out.
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
    count = QUICK_RESAMPLES if settings.quick else RESAMPLES
    resample = partial(confidence_intervals, evaluated, count, seed=0, threads=settings.threads)
    times = time_in_turn({OURS: resample}, WINDOW, settings)
    record.add(f"confidence intervals of {count} resamples", OURS, times[OURS], "s", "float64")


def from_files(annotations: Path, detections: Path) -> np.ndarray:
    """COCO's twelve metrics as fractions, NaN where undefined.  [12]"""
    metrics = evaluate_detections(annotations, detections).metrics
    values = [metrics[name] for name in COCO_METRICS]
    return np.array([np.nan if value is None else value / 100 for value in values], float)


def by_pycocotools(annotations: Path, detections: Path) -> np.ndarray:
    """The same by the COCO API. Raises BadInput where it is not installed."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise BadInput("pycocotools, the baseline, is not installed; pip install it") from None
    with contextlib.redirect_stdout(io.StringIO()):
        objects = COCO(str(annotations))
        run = COCOeval(objects, objects.loadRes(str(detections)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    stats = np.array(run.stats, float)
    return np.where(stats == -1, np.nan, stats)
