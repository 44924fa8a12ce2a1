"""`cornernet prepare` and `cornernet radii` on a data set of COCO's size.

Beside them what reading the annotation file alone takes, by Python's own JSON. Each in a process of
its own, so that its peak of memory is its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

import cornernet
from benchmarks.made_data import write_split
from benchmarks.measuring import REPOSITORY, BenchmarkFailed, Settings, Window, require_equal
from benchmarks.record import Record

IMAGES, BOXES = 118_287, 860_000  # as train2017
QUICK_IMAGES, QUICK_BOXES = 30, 200
VAL_IMAGES, VAL_BOXES = 10, 50
PIXELS = (96, 72)  # width, height
WINDOW = Window(rounds=3)
BASELINE = "json.load of the annotations"
# A small process between: a child's peak would else begin with what this process has.
LAUNCHER = """
import resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - began
if done.returncode:
    sys.exit(done.stderr[-500:])
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def prepare(settings: Settings, record: Record) -> None:
    """Make the folder, then run both commands on it, in turn with the baseline."""
    images, boxes = (QUICK_IMAGES, QUICK_BOXES) if settings.quick else (IMAGES, BOXES)
    found: dict[str, list[tuple[float, float]]] = {"prepare": [], "radii": [], BASELINE: []}
    record.window(WINDOW)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "params").symlink_to(REPOSITORY / "params")
        annotations = write_split(work / "source", "train", images, boxes, *PIXELS)
        write_split(work / "source", "val", VAL_IMAGES, VAL_BOXES, *PIXELS)
        for _ in range(1 if settings.quick else WINDOW.rounds):
            shutil.rmtree(work / "data", ignore_errors=True)  # digests are kept there
            _cornernet(work, "download")
            for stage in ("prepare", "radii"):
                found[stage].append(_cornernet(work, stage))
            program = "import json, sys; json.load(open(sys.argv[1]))"
            found[BASELINE].append(_measured(["-c", program, str(annotations)], work))
        record.check(_require_all_counted(work, images, boxes))
        record.sizes(images=images, boxes=boxes, annotation_bytes=annotations.stat().st_size)
    record.note("made annotations; images of {} x {} pixels: COCO's take longer".format(*PIXELS))
    for stage, runs in found.items():
        record.add(stage, "time", [seconds for seconds, _ in runs], "s")
        record.add(stage, "peak of memory", [peak for _, peak in runs], "GB")
    both = [one[0] + other[0] for one, other in zip(found["prepare"], found["radii"], strict=True)]
    record.add("prepare and radii", "time", both, "s")


def _cornernet(work: Path, stage: str) -> tuple[float, float]:
    """Run one stage of the profile `custom` in `work`: seconds, and peak memory in 10^9 bytes."""
    command = ["-m", "cornernet", stage, "--profile", "custom", "--set", "data.root=source"]
    for split in ("train", "val"):
        files = f"{{images: {split}, annotations: {split}.json}}"
        command += ["--set", f"data.splits.{split}={files}"]
    return _measured(command, work)


def _measured(arguments: list[str], work: Path) -> tuple[float, float]:
    """Run Python. Raises BenchmarkFailed with the end of what it says, if it fails."""
    source = str(Path(cornernet.__file__).parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, sys.executable, *arguments],
        cwd=work,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise BenchmarkFailed(
            f"{' '.join(arguments[:3])} failed: {' / '.join(done.stderr.splitlines()[-2:])}"
        )
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def _require_all_counted(work: Path, images: int, boxes: int) -> str:
    """dataset.json and radii.parquet have every image and every box."""
    dataset = json.loads((work / "data/custom/dataset.json").read_text())["splits"]["train"]
    table = pd.read_parquet(work / "data/custom/radii.parquet")
    radii = int((table["split"] == "train").sum())
    counted = [dataset["images"], dataset["boxes"], radii]
    return require_equal("images, boxes and radii counted", counted, [images, boxes, boxes])
