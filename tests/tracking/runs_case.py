"""Runs of the tracker as tests open, fill and read them."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from cornernet.tracking import ModelFiles, Run
from cornernet.training.history import COLUMNS, append_row, write_history

REPOSITORY = Path(__file__).parents[2]
TRAINING = """
import sys
from pathlib import Path
from cornernet.tracking import ModelFiles, send
from tracking.runs_case import opened, track
folder, rows, key, *others = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
run, said = opened(folder, key=key)
track(run, rows)
for other in others:
    send([ModelFiles("demo", "baseline", 0, other, curves=(rows,))], folder)
sys.stderr.write("".join(said))
print("trained")
"""


def start_training(folder, rows, *keys, **more):
    """A process that tells MLflow of a training with the history `rows`, in a run of the first key,
    and then of models with the same history, of the other keys.
    """
    paths = [str(REPOSITORY / room) for room in ("src", "tests")]
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(folder), str(rows), *(keys or ["key"])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def track(run, path, status="FINISHED"):
    """A whole training with the history `path`."""
    with run.following(path):
        pass
    run.finish(status)


def wait_for(condition, what, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def opened(folder, seed=0, key=None):
    """A run that is not followed yet, and what it says."""
    said = []
    files = ModelFiles("demo", "baseline", seed, key or uuid.uuid4().hex)
    return Run(files, folder, said.append), said


def rows(first, last):
    return [
        {**dict.fromkeys(COLUMNS, 0.5), "iteration": i, "total": i / 10}
        for i in range(first, last + 1)
    ]


def history(path, last):
    """A history file that ends with iteration `last`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_history(path, rows(1, last))
    return path


def grow(path, first, last):
    for row in rows(first, last):
        append_row(path, row)


def model(tmp_path, last=3, **more):
    """A trained model with its history."""
    curves = (history(tmp_path / "history.csv", last), tmp_path / "validation.csv")
    key = more.pop("key", uuid.uuid4().hex)
    return ModelFiles("demo", "baseline", 0, key, **{"curves": curves, **more})


def found(client, key):
    """The one run of that key; None as long as there is none."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.run_key = '{key}'") if experiments else []
    assert len(runs) < 2
    return runs[0] if runs else None


def points(client, key, name="loss/total"):
    """The points of a curve, in order of iteration."""
    run = found(client, key)
    history = client.get_metric_history(run.info.run_id, name) if run else []
    return sorted((point.step, point.value) for point in history)


def whole(last):
    return [(i, i / 10) for i in range(1, last + 1)]
