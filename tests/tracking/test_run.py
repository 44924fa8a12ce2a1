"""A training's run: its curves as they grow, whoever is slow, killed, away or missing."""

import subprocess
import sys
import time

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from tracking.runs_case import REPOSITORY, found, grow, history, opened, points, wait_for, whole

from cornernet.tracking.server import connect

FIRST_WRITER = """
import sys
from pathlib import Path
from cornernet.tracking import ModelFiles, Run
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
run = Run(ModelFiles("demo", "baseline", seed, f"key{seed}", {"train": {"iterations": 3}}), folder)
with run.following(Path(sys.argv[3])):
    pass
run.finish("FINISHED")
assert run.run_id is not None
"""


def test_six_first_writers_at_once(tmp_path):
    folder, rows = tmp_path / "data" / "mlflow", history(tmp_path / "history.csv", 3)
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "", "HOME": str(tmp_path)}
    code = [sys.executable, "-c", FIRST_WRITER, str(folder)]
    writers = [
        subprocess.Popen([*code, str(n), rows], env=environment, stderr=subprocess.PIPE, text=True)
        for n in range(6)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=250)
        assert (writer.returncode, said) == (0, "")
    client = connect(folder)
    for seed in range(6):
        run = found(client, f"key{seed}")
        assert run.info.run_name == f"baseline-s{seed}"
        assert run.info.status == "FINISHED"
        assert run.data.params == {"train.iterations": "3"}
        assert points(client, f"key{seed}") == whole(3)


def test_rows_arrive_as_they_come_and_none_twice(folder, client, tmp_path, monkeypatch):
    """The file is shortened, as by a training that goes back to a checkpoint, and grows again."""
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    run, said = opened(folder)
    path, key = history(tmp_path / "history.csv", 5), run.model.key
    with run.following(path):
        wait_for(lambda: len(points(client, key)) == 5, "no points came")
        assert found(client, key).info.status == "RUNNING"
        history(path, 3)
        (tmp_path / "validation.csv").write_text("iteration,AP,AP50\n5,1.5,2.5\n")
        grow(path, 4, 9)
        wait_for(lambda: len(points(client, key)) == 9, "the rest did not come")
        wait_for(lambda: points(client, key, "validation/AP50") == [(5, 2.5)], "no AP50 came")
        wait_for(
            lambda: points(client, key, "system/cpu_utilization_percentage"), "no system metrics"
        )
        grow(path, 10, 12)
    run.finish("FINISHED")
    assert points(client, key) == whole(12)
    assert points(client, key, "validation/AP") == [(5, 1.5)]
    assert found(client, key).info.status == "FINISHED"
    assert said == []


def test_a_resumed_training_goes_on_with_its_own_run(folder, client, tmp_path):
    first, _ = opened(folder)
    with first.following(history(tmp_path / "history.csv", 5)):
        pass
    first.finish("KILLED")
    again, said = opened(folder, key=first.model.key)
    with again.following(history(tmp_path / "history.csv", 9)):
        wait_for(lambda: again.run_id, "it was not told")
        wait_for(lambda: found(client, first.model.key).info.status == "RUNNING", "not running")
    again.finish("FINISHED")
    assert again.run_id == first.run_id
    assert points(client, first.model.key) == whole(9)
    assert found(client, first.model.key).info.status == "FINISHED"
    assert said == []


def test_a_training_never_waits(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("cornernet.tracking.server.connect", lambda folder: time.sleep(60))
    monkeypatch.setattr("cornernet.tracking.run.PATIENCE", 0.1)
    run, _ = opened(folder)
    began = time.monotonic()
    with run.following(history(tmp_path / "history.csv", 5)):
        pass
    assert time.monotonic() - began < 30  # the machine may be busy


def test_without_mlflow_it_is_said_once(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    run, said = opened(tmp_path / "mlflow")
    with run.following(history(tmp_path / "history.csv", 5)):
        wait_for(lambda: said, "nothing was said")
    run.finish("FINISHED")
    assert run.run_id is None
    (line,) = said
    assert "mlflow" in line
    assert "`cornernet tracking`" in line
