"""A real MLflow server over HTTP that is away, dies and comes back: nothing lost, nothing twice."""

import socket
import time

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from mlflow_server import MlflowServer
from tracking.runs_case import found, grow, history, model, opened, points, wait_for, whole

from cornernet.tracking import send

pytestmark = pytest.mark.slow  # each starts a server of MLflow


@pytest.fixture
def running(tmp_path_factory, monkeypatch):
    server = MlflowServer(tmp_path_factory.mktemp("server"))
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
