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

from mlflow.tracking import MlflowClient
from tracking.mlflow_server import MlflowServer
from tracking.runs_case import (
    REPOSITORY,
    found,
    grow,
    history,
    model,
    opened,
    points,
    wait_for,
    whole,
)

from cornernet.cli import main
from cornernet.tracking import send
from cornernet.training.history import read_history

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


def test_a_server_that_dies_midway_and_comes_back_gets_each_point_once(running, tmp_path):
    run, said = opened(tmp_path)
    path, key = history(tmp_path / "history.csv", 20), run.model.key
    with run.following(path):
        wait_for(lambda: len(points(running.records, key)) == 20, "no points came")
        running.kill()
        grow(path, 21, 40)
        wait_for(lambda: said, "its absence was not noticed")
        grow(path, 41, 50)
        running.start()
        wait_for(lambda: len(points(running.records, key)) == 50, "the rest did not come")
        running.kill()
        grow(path, 51, 60)
    running.start()
    run.finish("FINISHED")
    assert points(running.records, key) == whole(60)
    assert len(points(running.records, key, "loss/pull")) == 60
    assert found(running.records, key).info.status == "FINISHED"
    assert len(said) == 1


SENDER = """
import sys
from pathlib import Path
from cornernet.tracking import ModelFiles, send
files = [ModelFiles("demo", "baseline", 0, f"key{n}", curves=(Path(sys.argv[2]),)) for n in range(3)]
assert len(send(files, Path(sys.argv[1]))) == 3
"""


def test_several_senders_at_once_double_nothing(running, tmp_path):
    path = history(tmp_path / "history.csv", 1500)
    command = [sys.executable, "-c", SENDER, str(tmp_path), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    senders = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    for process in senders:
        _, said = process.communicate(timeout=240)
        assert (process.returncode, said) == (0, "")
    for number in range(3):
        assert points(running.records, f"key{number}") == whole(1500)


def test_a_cluster_s_job_sends_to_a_server(running, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    run, said = opened(tmp_path)
    with run.following(history(tmp_path / "history.csv", 5)):
        wait_for(lambda: run.run_id, "no run came")
    run.finish("FINISHED")
    assert points(running.records, run.model.key) == whole(5)
    assert said == []


def test_a_server_that_does_not_answer_holds_nobody_up_for_long(tmp_path, monkeypatch):
    """A port that takes connections and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        began = time.monotonic()
        run, said = opened(tmp_path)
        with run.following(history(tmp_path / "history.csv", 5)):
            wait_for(lambda: said, "it was not noticed")
        run.finish("FINISHED")
        assert send([model(tmp_path)], tmp_path) == {}
        assert time.monotonic() - began < 40
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
        assert points(server.records, run.data.tags["run_key"], name) == expected


@pytest.mark.slow
def test_training_outlives_its_server_and_nothing_is_lost(running, place):
    training = cornernet(place, "train")
    wait_for(lambda: iterations_done(place) >= 20, "training did not start", 120)
    wait_for(lambda: run_of_smoke(running), "no run came")
    running.kill()
    assert training.poll() is None, "training was over before the server died"
    said = ended(training)
    assert said.count("mlflow:") == 1
    assert run_of_smoke(running).info.status == "RUNNING"
    for stage in (["predict"], ["evaluate"]):
        ended(cornernet(place, *stage))
    running.start()
    assert f"experiment smoke: {running.address}" in ended(cornernet(place, "tracking"))
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


@pytest.mark.slow
def test_what_a_cluster_s_jobs_left_is_told_afterwards_while_training_too(place, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    training = cornernet(place, "train")
    wait_for(lambda: iterations_done(place) >= 20, "training did not start", 120)
    monkeypatch.delenv("SLURM_JOB_ID")
    assert not (place / "data/mlflow").exists()
    ended(cornernet(place, "tracking"))
    records = MlflowClient(f"sqlite:///{place}/data/mlflow/mlflow.db")
    (run,) = records.search_runs([records.get_experiment_by_name("smoke").experiment_id])
    assert run.info.status == "RUNNING"
    key = run.data.tags["run_key"]
    assert len(points(records, key)) >= 20
    ended(training)
    ended(cornernet(place, "tracking"))
    assert [step for step, _ in points(records, key)] == list(range(1, 401))
    assert found(records, key).info.status == "FINISHED"
