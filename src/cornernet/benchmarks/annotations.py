"""Annotations of COCO's size with polygons, through what `prepare` and `radii` do to them.

Images are left alone. In a process of its own, so that its peak of memory is its own.
"""

import dataclasses
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.benchmarks.agreement import require
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.errors import BenchmarkFailed
from cornernet.benchmarks.processes import run_python
from cornernet.benchmarks.record import Claim, Measurement, Result
from cornernet.benchmarks.timing import Spread
from cornernet.config.schema import SplitFiles, Targets
from cornernet.files import replacing

IMAGES, BOXES, CATEGORIES = 118_287, 860_000, 80  # as train2017
QUICK_IMAGES, QUICK_BOXES = 30, 200
POINTS = (6, 40)  # corners of a polygon, least and most; train2017's file has 448 MB
AIM_SECONDS, AIM_GB = 60.0, 4.0
PEAK = "VmHWM:"  # the line of /proc/self/status with the most memory that was resident


def run(conditions: Conditions) -> Result:
    """Make the file, then read, check and measure it in fresh processes."""
    images, boxes = (QUICK_IMAGES, QUICK_BOXES) if conditions.quick else (IMAGES, BOXES)
    window = conditions.window(rounds=3, seconds=120)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        write_annotations(path, images, boxes)
        size = path.stat().st_size
        runs = [_in_a_process(path, conditions.params.targets) for _ in range(window.rounds)]
    counted = [(one["images"], one["boxes"], one["radii"]) for one in runs]
    check = require("all images, boxes and radii counted", set(counted) == {(images, boxes, boxes)})
    seconds = Spread.of([one["prepare"] + one["radii_seconds"] for one in runs])
    peak = Spread.of([one["peak"] / 1e9 for one in runs])
    return Result(
        measurements=(
            Measurement("", "prepare", Spread.of([one["prepare"] for one in runs]), "s", ""),
            Measurement("", "radii", Spread.of([one["radii_seconds"] for one in runs]), "s", ""),
            Measurement("", "peak of memory", peak, "GB", ""),
        ),
        claims=(
            Claim("", "seconds", seconds, AIM_SECONDS, at_least=False),
            Claim("", "GB", peak, AIM_GB, at_least=False),
        ),
        checks=(check,),
        notes=("made annotations; `radii` reads the file again, as the stage does",),
        sizes={"images": images, "boxes": boxes, "bytes": size},
        window=window,
    )


def write_annotations(path: Path, images: int, boxes: int) -> None:
    """A file in COCO's format with a polygon for every box, in the order that COCO keeps: none."""
    rng = np.random.default_rng(0)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        declared = [
            {"id": number, "file_name": f"{number:012}.jpg", "width": 640, "height": 480}
            for number in range(1, images + 1)
        ]
        named = [{"id": number, "name": f"kind {number}"} for number in range(1, CATEGORIES + 1)]
        stream.write(f'{{"images": {json.dumps(declared)}, "categories": {json.dumps(named)}, ')
        stream.write('"annotations": [')
        for number, row in enumerate(_rows(rng, images, boxes)):
            stream.write((", " if number else "") + json.dumps(row))
        stream.write("]}")


def _rows(rng: np.random.Generator, images: int, boxes: int) -> Iterator[dict[str, Any]]:
    owners = rng.integers(1, images + 1, boxes).tolist()
    kinds = rng.integers(1, CATEGORIES + 1, boxes).tolist()
    sides = rng.uniform(4, 300, (boxes, 2)).round(2)
    low = (rng.uniform(0, 1, (boxes, 2)) * (np.array([640, 480]) - sides)).round(2)
    shape = rng.uniform(0, 1, (POINTS[1], 2))  # one polygon, stretched to every box
    corners = rng.integers(POINTS[0], POINTS[1] + 1, boxes).tolist()
    for number in range(boxes):
        polygon = (low[number] + shape[: corners[number]] * sides[number]).round(2)
        yield {
            "segmentation": [polygon.ravel().tolist()],
            "area": float(sides[number].prod() / 2),
            "iscrowd": 0,
            "image_id": owners[number],
            "bbox": [*low[number].tolist(), *sides[number].tolist()],
            "category_id": kinds[number],
            "id": number + 1,
        }


def _in_a_process(path: Path, targets: Targets) -> dict[str, Any]:
    program = (
        "import json, sys; from pathlib import Path; "
        "from cornernet.benchmarks.annotations import measure; "
        "from cornernet.config.schema import Targets; "
        "print(json.dumps(measure(Path(sys.argv[1]), Targets(**json.loads(sys.argv[2])))))"
    )
    asked = json.dumps(dataclasses.asdict(targets))
    done = run_python(["-c", program, str(path), asked])
    return json.loads(done)


def measure(path: Path, targets: Targets) -> dict[str, Any]:
    """Do to an annotation file what `prepare` and then `radii` do: seconds, counts, peak bytes.

    What they import is a part of it: each stage is a process that imports it anew.
    """
    began = time.perf_counter()
    from cornernet.data.coco.annotation_rules import (
        annotation_problems,
        count_irregularities,
        size_classes,
    )
    from cornernet.data.coco.annotations import read_annotation_file

    file = read_annotation_file(path)
    problems = annotation_problems(file)
    if problems:
        raise BenchmarkFailed(problems[0].message(str(path)))
    handled, sizes = count_irregularities(file), size_classes(file.annotations)
    images, boxes = len(file.images), sum(sizes.values())
    del file, handled
    prepared = time.perf_counter()

    from cornernet.data.coco.split import load_split
    from cornernet.data.sampling.radii import radius_table

    split = load_split(path.parent, SplitFiles("images", path.name), "train")
    table = radius_table(split, targets)
    table.to_parquet(path.with_suffix(".parquet"), index=False)
    return {
        "images": images,
        "boxes": boxes,
        "radii": int(np.isfinite(table["radius_exact"]).sum()),
        "prepare": prepared - began,
        "radii_seconds": time.perf_counter() - prepared,
        "peak": _peak_bytes(),
    }


def _peak_bytes() -> int:
    """The most memory that this process has had resident."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux: the same number, but macOS counts bytes and others kibibytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(PEAK))
