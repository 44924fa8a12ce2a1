"""Real trainings beside a real MLflow server that dies, is away and comes back; and on a cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from mlflow.tracking import MlflowClient
from mlflow_server import MlflowServer
from tracking.runs_case import REPOSITORY, found, points, wait_for

from cornernet.cli import main
from cornernet.training.history import read_history

TRAINING = ("train.iterations=400", "train.learning_rate_drops=[300]", "train.checkpoint_every=40")


@pytest.fixture
def running(tmp_path_factory, monkeypatch):
    """A server that runs, and is named in the environment."""
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    yield server
    server.kill()


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


@pytest.mark.long
def test_a_training_outlives_a_kill_and_its_server_and_nothing_is_lost(running, place):
    """kill -9 of the training, then of the server while its successor trains, which ends alone."""
    training = cornernet(place, "train")
    wait_for(lambda: iterations_done(place) >= 50, "training did not start", 120)
    wait_for(lambda: run_of_smoke(running), "no run came")
    training.send_signal(signal.SIGKILL)
    training.communicate()
    assert training.returncode == -signal.SIGKILL, "the kill came too late to test anything"
    training = cornernet(place, "train")
    wait_for(lambda: iterations_done(place) >= 170, "no progress", 120)
    running.kill()
    assert training.poll() is None, "training was over before the server died"
    said = ended(training)
    assert "goes on from iteration" in said
    assert said.count("mlflow:") == 1
    assert run_of_smoke(running).info.status == "RUNNING"
    for stage in ("predict", "evaluate"):
        ended(cornernet(place, stage))
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


@pytest.mark.long
def test_what_a_cluster_s_jobs_left_is_told_afterwards_while_training_too(place, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
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
