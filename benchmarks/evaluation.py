"""COCO's metrics of a whole split beside the COCO API itself, and their confidence intervals."""

import contextlib
import io
import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.made_data import (
    DETECTIONS,
    QUICK_DETECTIONS,
    annotated_split,
    made_detections,
    written_out,
)
from benchmarks.measuring import Settings, Window, ratios, require_equal, time_in_turn
from benchmarks.record import Record
from cornernet.errors import BadInput
from cornernet.evaluation.bootstrap import image_weights, resampled_metrics
from cornernet.evaluation.coco_metrics import COCO_METRICS, METRICS, evaluate_detections

OURS, BASELINE = "ours", "pycocotools"
WRITTEN_OUT = "one resample written out and evaluated"
WINDOW = Window(rounds=3, seconds=1)
RESAMPLES, QUICK_RESAMPLES, SEED = 1000, 12, 0
SAME = 1e-9  # of metrics as fractions
AIM_RATIO, AIM_SECONDS = 10.0, 120.0


def evaluation(settings: Settings, record: Record) -> None:
    """Time everything from files to the twelve metrics."""
    content, detections = _split(settings, record)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "annotations.json", Path(folder) / "detections.json"
        for path, value in zip(files, (content, detections), strict=True):
            path.write_text(json.dumps(value))
        ours, baseline = partial(from_files, *files), partial(by_pycocotools, *files)
        record.check(require_equal("the twelve metrics", ours(), baseline(), SAME))
        times = time_in_turn({OURS: ours, BASELINE: baseline}, WINDOW, settings)
    what, precision = "from files to metrics", "float64"
    for name, seconds in times.items():
        record.add(what, name, seconds, "s", WINDOW, precision)
    times_as_fast = ratios(times[BASELINE], times[OURS])
    form = f"{BASELINE} / {OURS}"
    record.add(what, form, times_as_fast, "times", WINDOW, precision, at_least=AIM_RATIO)


def bootstrap(settings: Settings, record: Record) -> None:
    """Time a thousand resamples beside one that is written out as a data set of its own.

    No library does this. The copies of an image are separate images there, and it is evaluated from
    the beginning.
    """
    content, detections = _split(settings, record)
    count = QUICK_RESAMPLES if settings.quick else RESAMPLES
    evaluated = evaluate_detections(content, detections)
    weights = image_weights(len(evaluated.image_ids), 1, SEED)[0]
    whole = partial(evaluate_detections, *written_out(content, detections, weights))
    swept = resampled_metrics(evaluated, 1, SEED, threads=1)[0]
    expected = _as_fractions(whole().metrics, METRICS)
    record.check(require_equal("the first resample's metrics", swept / 100, expected, SAME))
    ours = f"{count} resamples"
    forms = {
        ours: partial(resampled_metrics, evaluated, count, SEED, settings.threads),
        WRITTEN_OUT: whole,
    }
    times = time_in_turn(forms, WINDOW, settings)
    what, precision = "confidence intervals", "float64"
    record.add(what, ours, times[ours], "s", WINDOW, precision, at_most=AIM_SECONDS)
    record.add(what, WRITTEN_OUT, times[WRITTEN_OUT], "s", WINDOW, precision)


def _split(settings: Settings, record: Record) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Annotations, and made detections on them."""
    content, origin = annotated_split(settings.data, settings.quick)
    detections = made_detections(content, QUICK_DETECTIONS if settings.quick else DETECTIONS)
    record.note(f"{origin}; detections are made: some near the objects, others anywhere")
    record.sizes(
        images=len(content["images"]),
        objects=len(content["annotations"]),
        categories=len(content["categories"]),
        detections=len(detections),
    )
    return content, detections


def from_files(annotations: Path, detections: Path) -> np.ndarray:
    """COCO's twelve metrics as fractions, NaN where undefined.  [12]"""
    return _as_fractions(evaluate_detections(annotations, detections).metrics, COCO_METRICS)


def _as_fractions(metrics: Mapping[str, float | None], names: Any) -> np.ndarray:
    values = [metrics[name] for name in names]
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
