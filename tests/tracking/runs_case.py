"""Runs of the tracker as tests open, fill and read them."""

import sys

from cornernet.tracking import open_run
from cornernet.training.history import COLUMNS, write_history

SENDER = (
    "import sys; from pathlib import Path; from cornernet.tracking import send_waiting\n"
    "print(send_waiting('demo', Path(sys.argv[1])))"
)


def sender(folder):
    """The command that sends what waits in `folder`, in a process of its own."""
    return [sys.executable, "-c", SENDER, str(folder)]


def opened(folder, seed=0, **more):
    said = []
    arguments = {"params": {}, "tags": {}, **more}
    run = open_run("demo", "baseline", seed, folder=folder, say=said.append, **arguments)
    run.begin()
    return run, said


def points(client, run, name="loss/total"):
    return [(p.step, p.value) for p in client.get_metric_history(run.run_id, name)]


def log(run, first, last):
    for i in range(first, last + 1):
        run.log(i, {"total": i / 10, "pull": 0.5})


def history(path, last):
    rows = [
        {**dict.fromkeys(COLUMNS, 0.5), "iteration": i, "total": i / 10} for i in range(1, last + 1)
    ]
    write_history(path, rows)
    return path
