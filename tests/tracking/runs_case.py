"""Runs of the tracker as tests open, fill and read them."""

from cornernet.tracking import open_run


def opened(folder, **more):
    said = []
    arguments = {"params": {}, "tags": {}, **more}
    run = open_run("demo", "baseline", 0, folder=folder, say=said.append, **arguments)
    run.begin()
    return run, said


def points(client, run, name="loss/total"):
    return [(p.step, p.value) for p in client.get_metric_history(run.run_id, name)]


def log(run, first, last):
    for i in range(first, last + 1):
        run.log(i, {"total": i / 10, "pull": 0.5})


def history(path, last, missing=()):
    rows = [f"{i},{i / 10},0.5" for i in range(1, last + 1) if i not in missing]
    path.write_text("\n".join(["iteration,total,pull", *rows]) + "\n")
    return path
