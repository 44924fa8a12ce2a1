"""A real MLflow server over HTTP that is away, dies and comes back: nothing lost, nothing twice."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from tracking.mlflow_server import MlflowServer
from tracking.runs_case import log, opened, sender

from cornernet.cli import main
from cornernet.tracking import find_run, send_waiting
from cornernet.training.history import read_history

REPOSITORY = Path(__file__).parents[2]
TRAINING = ("train.iterations=400", "train.learning_rate_drops=[300]", "train.checkpoint_every=40")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Its tables are made once; each test starts and kills it as it likes."""
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture
def running(server, monkeypatch):
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    yield server
    server.kill()


@pytest.fixture
def quick(monkeypatch):
    """Seconds are long in a test."""
    monkeypatch.setattr("cornernet.tracking.run.FLUSH_INTERVAL", 0.05)
    monkeypatch.setattr("cornernet.tracking.run.RETRY_INTERVAL", 0.3)


def found(server, run_key):
    """The one run of that key."""
    experiments = [e.experiment_id for e in server.records.search_experiments()]
    (run,) = server.records.search_runs(experiments, f"tags.run_key = '{run_key}'")
    return run


def curve(server, run, name="loss/total"):
    return [(p.step, p.value) for p in server.records.get_metric_history(run.info.run_id, name)]


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_server_that_dies_midway_and_comes_back_gets_each_point_once(running, quick, tmp_path):
    run, said = opened(tmp_path, 1)
    log(run, 1, 20)
    wait_for(lambda: len(curve(running, found(running, run.key))) == 20, "no points came")
    running.kill()
    log(run, 21, 40)
    wait_for(lambda: said, "its absence was not noticed")
    log(run, 41, 50)
    time.sleep(1)  # a few attempts more, of which nothing is said
    running.start()
    wait_for(lambda: len(curve(running, found(running, run.key))) == 50, "the rest did not come")
    log(run, 51, 60)
    run.finish("FINISHED")
    assert curve(running, found(running, run.key)) == [(i, i / 10) for i in range(1, 61)]
    assert len(curve(running, found(running, run.key), "loss/pull")) == 60
    assert found(running, run.key).info.status == "FINISHED"
    assert len(said) == 1
    assert not (tmp_path / "outbox" / run.key).exists()


def test_a_server_that_is_away_from_start_to_end_gets_all_of_it_later(
    server, monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    began = time.time()
    run, said = opened(tmp_path, 2, params={"a": 1}, tags={"b": 2})
    log(run, 1, 9)
    run.log_dataset("shapes", "d" * 64, {"root": "data"}, "train")
    (tmp_path / "table1.md").write_text("| AP |")
    run.log_artifact(tmp_path / "table1.md", "tables")
    run.finish("FINISHED")
    ended = time.time()
    with find_run("demo", "baseline", 2, "w" * 64, run.key, folder=tmp_path, say=said.append) as r:
        r.log_metrics({"AP.val.single_scale": 50.0})
    assert run.run_id is None
    assert ["not reached" in line for line in said] == [True, True]  # once a command
    assert send_waiting("demo", tmp_path, said.append) is None
    (tmp_path / "table1.md").write_text("another run's")
    server.start()
    page, *sent = send_waiting("demo", tmp_path, pytest.fail)
    assert f"{server.address}/#/experiments/" in page
    assert [line.partition(":")[0] for line in sent] == ["demo baseline-s2"]
    assert send_waiting("demo", tmp_path, pytest.fail) == [page]
    server.kill()
    kept = found(server, run.key)
    assert curve(server, kept) == [(i, i / 10) for i in range(1, 10)]
    assert kept.data.params == {"a": "1"}
    assert kept.data.tags["b"] == "2"
    assert kept.data.metrics["AP.val.single_scale"] == 50.0
    assert kept.info.status == "FINISHED"
    assert began - 1 < kept.info.start_time / 1000 < kept.info.end_time / 1000 < ended + 1
    assert kept.inputs.dataset_inputs[0].dataset.name == "shapes"
    tables = list((server.folder / "artifacts").rglob("table1.md"))
    assert [table.read_text() for table in tables] == ["| AP |"]


def test_several_senders_at_once_double_nothing(running, tmp_path):
    keys = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the discard port: refused
        for seed in range(3):
            run, _ = opened(tmp_path, seed)
            log(run, 1, 1500)
            run.finish("FINISHED")
            keys.append(run.key)
    command = sender(tmp_path)
    senders = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in senders:
        _, said = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, "")
    for key in keys:
        assert curve(running, found(running, key)) == [(i, i / 10) for i in range(1, 1501)]
    assert not any((tmp_path / "outbox").glob("*/journal.jsonl"))


def test_a_server_that_does_not_answer_holds_nobody_up_for_long(tmp_path, monkeypatch):
    """A port that takes connections and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        began = time.monotonic()
        run, said = opened(tmp_path, 3)
        log(run, 1, 100)
        run.finish("FINISHED")
        assert time.monotonic() - began < 20
    assert len(said) == 1


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with the smoke profile's data, ready to be trained on."""
    folder = tmp_path_factory.mktemp("smoke")
    shutil.copytree(REPOSITORY / "params", folder / "params")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in ("download", "prepare", "radii"):
            assert main([stage, "--profile", "smoke"]) == 0
    return folder


@pytest.fixture
def place(prepared, tmp_path):
    return Path(shutil.copytree(prepared, tmp_path / "place"))


def cornernet(place, stage, *more):
    """A command of its own process, with the settings of these tests."""
    settings = [word for setting in TRAINING for word in ("--set", setting)]
    command = [sys.executable, "-m", "cornernet", stage, "--profile", "smoke", *settings, *more]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def ended(process):
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return said


def run_of_smoke(server):
    """The only run of the smoke profile, once there is one."""
    experiment = server.records.get_experiment_by_name("smoke")
    runs = experiment and server.records.search_runs([experiment.experiment_id])
    assert not runs or len(runs) == 1
    return runs[0] if runs else None


def iterations_done(place):
    rows = read_history(place / "data/smoke/checkpoints/baseline-s0/history.csv")
    return rows[-1]["iteration"] if rows else 0


def assert_whole(server, place, run):
    """The tracker's curves are the history: each iteration once, in order, the same values."""
    rows = read_history(place / "data/smoke/models/baseline-s0.history.csv")
    assert [row["iteration"] for row in rows] == list(range(1, 401))
    for name in ("loss/total", "loss/offset", "training/learning_rate"):
        expected = [(row["iteration"], row[name.partition("/")[2]]) for row in rows]
        assert curve(server, run, name) == expected


@pytest.mark.slow
def test_training_outlives_its_server_and_nothing_is_lost(running, place):
    training = cornernet(place, "train")
    wait_for(lambda: iterations_done(place) >= 20, "training did not start", 120)
    assert run_of_smoke(running) is not None
    running.kill()
    assert training.poll() is None, "training was over before the server died"
    said = ended(training)
    assert said.count("mlflow:") == 1
    assert run_of_smoke(running).info.status == "RUNNING"
    for stage in (["predict"], ["evaluate"]):
        ended(cornernet(place, *stage))
    running.start()
    assert "smoke baseline-s0: sent what waited" in ended(cornernet(place, "tracking"))
    run = run_of_smoke(running)
    assert_whole(running, place, run)
    assert run.info.status == "FINISHED"
    assert run.data.params["train.iterations"] == "400"
    assert run.data.tags["variant"] == "baseline"
    metrics = json.loads(
        (place / "reports/smoke/metrics/baseline-s0-val-single_scale.json").read_text()
    )["metrics"]
    for name, value in metrics.items():
        if value is not None:
            assert run.data.metrics[f"{name}.val.single_scale"] == pytest.approx(value, abs=0.005)
    (version,) = running.records.search_model_versions("name = 'cornernet-smoke-baseline'")
    assert version.run_id == run.info.run_id


@pytest.mark.slow
def test_a_killed_training_continues_its_own_curve(running, place):
    """kill -9 of the training, then of its successor with the server away; the third ends."""
    known = run_of_smoke(running)
    if known is not None:  # of the other test
        running.records.delete_run(known.info.run_id)
    killed = []
    for number, last in enumerate((50, 170)):
        training = cornernet(place, "train")
        wait_for(lambda least=last: iterations_done(place) >= least, "no progress", 120)
        if number == 1:
            running.kill()
        training.send_signal(signal.SIGKILL)
        training.communicate()
        killed.append(training.returncode)
    assert killed == [-signal.SIGKILL, -signal.SIGKILL], "the kills came too late to test anything"
    running.start()
    said = ended(cornernet(place, "train"))
    assert "goes on from iteration" in said
    assert "mlflow:" not in said
    run = run_of_smoke(running)
    assert_whole(running, place, run)
    assert run.info.status == "FINISHED"
