"""A tiny data set and network, and a program that trains one on the other (to be killed).

Usage: python tiny.py FOLDER PROCESSES [section.key=value ...]
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from cornernet.config import Params, load_params
from cornernet.data.coco.split import load_split
from cornernet.data.sampling.loader import batches
from cornernet.data.sampling.samples import Chunk, TrainingSamples
from cornernet.errors import BadInput
from cornernet.processes.nodes import this_node
from cornernet.processes.supervision import stop_requests
from cornernet.training import history
from cornernet.training.job import TrainedFiles, TrainingFailed, TrainingJob, TrainingResult
from cornernet.training.loop import alone, run_on, train
from cornernet.training.start import Start

PROFILES = Path(__file__).parents[2] / "params"
IMAGES = 9
CATEGORIES = 2

OVERRIDES = (
    "data.source=folder",
    "data.splits={train: {images: images, annotations: train.json},"
    " val: {images: images, annotations: train.json}}",
    "augmentation.input_size=31",
    "augmentation.crop_border=8",
    "model.dims=[4, 6]",
    "model.modules=[1, 1]",
    "model.stem_channels=4",
    "model.pool_channels=4",
    "train.iterations=12",
    "train.learning_rate=0.001",
    "train.learning_rate_drops=[9]",
    "train.chunks=[1, 2]",
    "train.devices=1",
    "train.threads=1",
    "train.workers=0",
    "train.checkpoint_every=4",
    "train.log_every=3",
    "variants={baseline: {}}",
    "tested=[]",
    "corners.variants=[baseline]",
)


def make_coco(root: Path) -> None:
    """A COCO-format set of noisy images with up to three boxes each; image 0 has none."""
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(IMAGES):
        pixels = rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)
        cv2.imwrite(str(root / "images" / f"{number}.png"), pixels)
        images.append({"id": number, "file_name": f"{number}.png", "width": 48, "height": 40})
        for _ in range(number % 4):
            x, y, w, h = (float(v) for v in rng.integers([0, 0, 6, 6], [30, 25, 18, 15]))
            entry = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": int(rng.integers(1, CATEGORIES + 1)),
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
            }
            annotations.append(entry)
    categories = [{"id": i, "name": str(i)} for i in range(1, CATEGORIES + 1)]
    tree = {"images": images, "annotations": annotations, "categories": categories}
    (root / "train.json").write_text(json.dumps(tree))


def tiny_params(root: Path, *overrides: str) -> Params:
    """The paper's params but for the sizes."""
    return load_params("paper", (f"data.root={root}", *OVERRIDES, *overrides), PROFILES)


def tiny_samples(params: Params, seed: int = 0) -> TrainingSamples:
    split = load_split(Path(params.data.root), params.data.splits["train"], "train")
    return TrainingSamples(split, None, params.augmentation, params.targets, params.data, seed)


def chunks_of(params: Params) -> list[dict[int, Chunk]]:
    """The chunks by number of each iteration."""
    train = params.train
    served = batches(tiny_samples(params), train.chunks, 0, train.iterations, workers=0)
    return [dict(enumerate(one)) for one in served]


def tiny_job(folder: Path, params: Params, **more: Any) -> TrainingJob:
    """A job in `folder` whose fingerprint is made of the params that change weights."""
    optimisation = {
        "iterations": params.train.iterations,
        "learning_rate": params.train.learning_rate,
        "chunks": params.train.chunks,
    }
    job = {
        "params": params,
        "num_categories": CATEGORIES,
        "seed": 0,
        "checkpoints": folder / "checkpoints",
        "outputs": tiny_files(folder),
        "fingerprint": {"params": {"train": optimisation}, "code": {"model.py": "c0de"}},
        "name": "tiny",
    }
    job |= more
    return TrainingJob(**{"samples": tiny_samples(params, job["seed"]), **job})


def tiny_files(folder: Path) -> TrainedFiles:
    return TrainedFiles(folder / "m.safetensors", folder / "m.state", folder / "m.history.csv")


def train_tiny(
    folder: Path, params: Params, processes: int = 0, on_start: Any = None, **more: Any
) -> TrainingResult:
    """Train in `folder` on the data set that `params` name; `more` are fields of the job.

    In this process, or in `processes` that torchrun's agent starts.
    """
    members = partial(run_on, ("cpu",) * processes, this_node(os.environ)) if processes else alone
    return train(tiny_job(folder, params, **more), members, on_start)


class Killed(Exception):
    """Stands for whatever ends a process between two iterations."""


def kill() -> None:
    raise Killed


@contextmanager
def acting_at(last: int, action: Callable[[], object]) -> Iterator[None]:
    """Within the block a training in this process acts when the row of iteration `last` is written."""

    def append_row(path: Path, row: Any, *columns: Any) -> None:
        history_append(path, row, *columns)
        if row["iteration"] == last:
            action()

    history_append = history.append_row
    with patch.object(history, "append_row", append_row):
        yield


def train_until_killed(folder: Path, params: Params, last: int, **more: Any) -> None:
    """Train until the row of iteration `last` is written, then end as a killed process does."""
    with pytest.raises(Killed), acting_at(last, kill):
        train_tiny(folder, params, **more)


def main() -> int:
    folder, processes, *overrides = sys.argv[1:]
    params = tiny_params(Path(folder) / "data", *overrides)
    node = this_node(os.environ)
    members = partial(run_on, ("cpu",) * int(processes), node)
    job = tiny_job(Path(folder), params)
    try:
        if node.rank == 0:
            train(job, members)
        else:
            with stop_requests() as request:
                members(job, Start(), request)
    except (TrainingFailed, BadInput) as error:
        print(f"ended: {error}", file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
