"""Runs of the tracker as tests open, fill and read them."""

from cornernet.tracking import open_run
from cornernet.training.history import COLUMNS, write_history


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
