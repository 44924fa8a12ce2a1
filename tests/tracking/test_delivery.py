"""What reaches MLflow when it is slow, away, broken or missing: each thing once, and nothing is lost."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from functools import partialmethod

import pytest
from tracking.runs_case import log, opened, sender

from cornernet.tracking import initialise, open_run
from cornernet.tracking.delivery import Delivery
from cornernet.tracking.journal import journals

pytest.importorskip("mlflow", reason="MLflow is not installed")
pytestmark = pytest.mark.usefixtures("own_database")


class Flaky:
    """A client whose server goes away for some calls; some arrive although the answer is lost."""

    def __init__(self, client, answers):
        self._client, self._answers = client, answers

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


def test_each_thing_arrives_once_though_answers_are_lost(folder, client):
    """The creation of the run, each entry, each batch of points; by one sender after another."""
    run = open_run("demo", "baseline", 0, {"a": 1}, {"b": 2}, folder=folder)
    log(run, 1, 2500)
    run.log_metrics({"AP.val.single_scale": 50.0})
    log(run, 2501, 2600)
    (journal,) = [journal for journal in journals(folder) if journal.key == run.key]
    flaky = Flaky(client, ["away", "lost"] * 9)
    server = replace(initialise("demo", folder), client=flaky)
    failures = 0
    while True:
        try:
            Delivery(server, journal, pytest.fail).send(0)
            break
        except (ConnectionError, TimeoutError):
            failures += 1
    assert failures == 18
    (found,) = client.search_runs(
        [client.get_experiment_by_name("demo").experiment_id], f"tags.run_key = '{run.key}'"
    )
    history = client.get_metric_history(found.info.run_id, "loss/total")
    assert [(p.step, p.value) for p in history] == [(i, i / 10) for i in range(1, 2601)]
    assert len(client.get_metric_history(found.info.run_id, "AP.val.single_scale")) == 1
    assert found.data.params == {"a": "1"}
    assert found.data.tags["b"] == "2"


def test_logging_never_waits_for_the_server(folder, monkeypatch):
    run, _ = opened(folder)
    monkeypatch.setattr(Delivery, "send", lambda self, patience: time.sleep(60))
    began = time.monotonic()
    log(run, 1, 1000)
    assert time.monotonic() - began < 30  # the machine may be busy


def test_what_the_tracker_refuses_is_said_and_stops_nothing_else(folder, client):
    run, said = opened(folder)
    run.log_metrics({"a name, which MLflow does not take;": 1.0})
    run.log_metrics({"AP.val.single_scale": 2.0})
    run.finish("FINISHED")
    assert client.get_run(run.run_id).data.metrics["AP.val.single_scale"] == 2.0
    assert len(said) == 1
    assert "metrics refused" in said[0]


def test_a_broken_database_is_said_once_and_nothing_is_lost(folder, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"not a database, by any means" * 100)
    run, said = opened(tmp_path)
    log(run, 1, 3)
    run.finish("FINISHED")
    assert run.run_id is None
    assert len(said) == 1
    assert str(tmp_path / "outbox") in said[0]
    shutil.copy(folder / "mlflow.db", tmp_path)  # mended
    printed = subprocess.check_output(sender(tmp_path), text=True)
    assert "demo baseline-s0: sent what waited" in printed
    server = initialise("demo", folder=tmp_path)
    (found,) = server.client.search_runs([server.experiment], f"tags.run_key = '{run.key}'")
    assert len(server.client.get_metric_history(found.info.run_id, "loss/total")) == 3
    assert found.info.status == "FINISHED"


def test_without_mlflow_all_is_kept_for_later(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    run, said = opened(tmp_path)
    log(run, 1, 2)
    run.finish("FINISHED")
    assert run.run_id is None
    assert len(said) == 1
    assert said[0].startswith("not installed")
    assert len(list(journals(tmp_path)[0].unsent())) > 4
