"""A real MLflow server over HTTP that is away, dies and comes back: nothing lost, nothing twice."""

import os
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

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

from cornernet.tracking import send

pytestmark = pytest.mark.slow  # each starts a server of MLflow


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
