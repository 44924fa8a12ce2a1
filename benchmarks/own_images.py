"""Own images as README tells it, from a fresh clone to the report; and a YOLO in as many minutes.

The images are blood cells: 254 to train, 110 to test, three categories, 640 x 480 pixels.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.demo import fresh_clone, timed_run
from benchmarks.measuring import BenchmarkFailed, Settings, Window
from benchmarks.record import Record
from cornernet.errors import BadInput
from cornernet.evaluation.coco_api import coco_api_metrics
from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv

SHOWN = ("AP", "AP50")
YOLO_INPUT_SIZE = 320  # half of the images' width: a quarter of the pixels that 640 has
QUICK = ("train.iterations=4", "train.learning_rate_drops=[3]", "train.checkpoint_every=4",
         "train.validate.every=0")  # fmt: skip


def own_images(settings: Settings, record: Record) -> None:
    """Profile `custom` on blood cells; with `--yolo`, YOLO11n for as long, on the same cores."""
    data = (settings.data / "bccd").resolve()
    if not data.is_dir():
        raise BadInput(f"{data}: not there; --data names the folder that holds bccd/")
    sets = json.dumps([f"data.root={data}", *(QUICK if settings.quick else ())])
    with fresh_clone() as clone:
        minutes = timed_run(clone, "custom", settings.threads, f"set={sets}")
        scores = read_csv(clone / "reports/custom/results.csv", RESULT_COLUMNS)
    record.check("the report was written")
    record.note("the last commit is measured, not what is uncommitted; nothing stands beside it")
    record.window(Window(rounds=1))
    record.sizes(profile="custom", cores=settings.threads, yolo_input_size=YOLO_INPUT_SIZE)
    record.add("from the images to the report", "CornerNet", [minutes], "min")
    for row in scores.itertuples():
        if row.metric.split("-")[0] in SHOWN:
            record.add(row.metric, "CornerNet", [row.value], "percent")
    if settings.yolo is not None:
        for metric, value in _yolo(settings.yolo, data, minutes, record):
            record.add(metric, "YOLO11n", [value], "percent")


def _yolo(python: Path, data: Path, minutes: float, record: Record) -> Iterator[tuple[str, float]]:
    """Train YOLO11n from scratch for `minutes`; its scores, by pycocotools."""
    with tempfile.TemporaryDirectory() as folder:
        detections = Path(folder) / "detections.json"
        script = Path(__file__).parent / "yolo11n.py"
        command = [python.absolute(), script, data, minutes, YOLO_INPUT_SIZE, detections]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=folder)
        if done.returncode != 0:
            raise BenchmarkFailed(f"{python}: {' / '.join(done.stderr.splitlines()[-3:])}")
        record.note(f"the YOLO's own environment: {done.stdout.splitlines()[-1]}")
        found = json.loads(detections.read_bytes())
        annotations = data / "annotations/instances_val.json"
        yield from _scores(annotations, found)
        tree = json.loads(annotations.read_bytes())
        for category in tree["categories"]:
            one = Path(folder) / "one.json"
            rows = [row for row in tree["annotations"] if row["category_id"] == category["id"]]
            one.write_text(json.dumps(tree | {"annotations": rows, "categories": [category]}))
            boxes = [row for row in found if row["category_id"] == category["id"]]
            yield from ((f"{metric}-{category['name']}", v) for metric, v in _scores(one, boxes))


def _scores(annotations: Path, detections: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    metrics = coco_api_metrics(annotations, detections)
    yield from ((name, metrics[name] or 0.0) for name in SHOWN)
