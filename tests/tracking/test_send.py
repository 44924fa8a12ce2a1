"""From files to MLflow: all arrives, each thing once, whatever fails between."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partialmethod

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from tracking.runs_case import found, grow, history, model, opened, points, whole

from cornernet.tracking import pages, send
from cornernet.tracking.send import send_files
from cornernet.tracking.server import connect

KEPT = ("runs", "params", "tags", "metrics", "inputs", "latest_metrics", "experiment_tags")


def contents(folder):
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        return {name: database.execute(f"select * from {name}").fetchall() for name in KEPT}


def everything(tmp_path):
    (tmp_path / "table1.md").write_text("| AP |")
    (tmp_path / "validation.csv").write_text("iteration,AP,AP50\n2,10.5,20\n4,,\n6,1")
    return model(
        tmp_path,
        last=2500,  # several requests
        params={"train": {"learning_rate": 0.001, "chunks": [8, 8]}, "model": {"stacks": 2}},
        tags={"commit": "abc", "mlflow.note.content": "To repeat it: ..."},
        dataset=("shapes", "d" * 64, {"root": "data/demo/shapes"}),
        metrics={"AP.val.single_scale": 61.2},
        artifacts=((tmp_path / "table1.md", "tables"), (tmp_path / "missing.md", None)),
        status="FINISHED",
        began=1_000_000,
        ended=2_000_000,
    )


def test_all_that_the_files_say_arrives_and_nothing_twice(folder, client, tmp_path):
    files = everything(tmp_path)
    send([files], folder)
    run = found(client, files.key)
    assert run.data.params == {
        "train.learning_rate": "0.001",
        "train.chunks": "[8, 8]",
        "model.stacks": "2",
    }
    wanted = {"profile": "demo", "variant": "baseline", "seed": "0", "commit": "abc"}
    assert wanted.items() <= run.data.tags.items()
    assert points(client, files.key) == whole(2500)
    assert points(client, files.key, "validation/AP") == [(2, 10.5)]  # the last row is unfinished
    assert points(client, files.key, "training/learning_rate")[:1] == [(1, 0.5)]
    assert run.data.metrics["AP.val.single_scale"] == 61.2
    assert run.inputs.dataset_inputs[0].dataset.name == "shapes"
    assert [a.path for a in client.list_artifacts(run.info.run_id, "tables")] == [
        "tables/table1.md"
    ]
    assert (folder / "artifacts" / "demo" / run.info.run_id).is_dir()
    assert (run.info.status, run.info.start_time, run.info.end_time) == (
        "FINISHED",
        1_000_000,
        2_000_000,
    )
    before = contents(folder)
    send([files], folder)
    assert contents(folder) == before
    grow(tmp_path / "history.csv", 2499, 2502)  # some iterations again
    send([replace(files, metrics={"AP.val.single_scale": 50.0})], folder)
    assert points(client, files.key) == whole(2502)
    assert found(client, files.key).data.metrics["AP.val.single_scale"] == 50.0


class Flaky:
    """A client whose server goes away for some calls; some arrive although the answer is lost."""

    def __init__(self, client):
        self._client, self._answers = client, ["away", "lost"] * 9

    def __getattr__(self, name):
        return getattr(self._client, name)

    def _call(self, name, *arguments, **named):
        answer = self._answers.pop(0) if self._answers else "ok"
        if answer == "away":
            raise ConnectionError("server is away")
        result = getattr(self._client, name)(*arguments, **named)
        if answer == "lost":
            raise TimeoutError("no answer")
        return result

    create_run = partialmethod(_call, "create_run")
    log_batch = partialmethod(_call, "log_batch")
    log_inputs = partialmethod(_call, "log_inputs")
    set_tag = partialmethod(_call, "set_tag")


@pytest.mark.slow
def test_each_thing_arrives_once_though_answers_are_lost(folder, client, tmp_path):
    files, flaky, failures = everything(tmp_path), Flaky(client), 0
    while True:
        try:
            send_files(flaky, folder, files, False)
            break
        except (ConnectionError, TimeoutError):
            failures += 1
    assert failures == 18
    assert points(client, files.key) == whole(2500)
    run_id = found(client, files.key).info.run_id
    assert len(client.get_metric_history(run_id, "AP.val.single_scale")) == 1
    assert len(found(client, files.key).inputs.dataset_inputs) == 1


def test_a_run_that_someone_deleted_stays_so_until_its_training_goes_on(folder, client, tmp_path):
    files = model(tmp_path)
    run_id = send([files], folder)[files.key].run_id
    client.delete_run(run_id)
    assert send([files], folder) == {}
    assert found(client, files.key) is None
    run, said = opened(folder, key=files.key)
    run.finish("FINISHED", history(tmp_path / "history.csv", 3))
    assert run.run_id not in (None, run_id)
    assert said == []


def test_pages_are_of_experiments_that_have_runs_the_latest_first(tmp_path):
    assert pages(tmp_path) == {}
    assert connect(tmp_path).search_experiments() == []  # not even MLflow's "Default"
    for began, profile in ((1, "demo"), (3, "paper"), (2, "smoke")):
        send([replace(model(tmp_path, began=began), profile=profile)], tmp_path)
    found = pages(tmp_path)
    assert list(found) == ["paper", "smoke", "demo"]
    assert found["demo"].startswith("http://127.0.0.1:5000/#/experiments/")
