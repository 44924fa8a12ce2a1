"""A training's run: its curves as they grow, whoever is slow, killed, away or missing."""

import sys

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from tracking.runs_case import (
    found,
    grow,
    history,
    opened,
    points,
    start_training,
    track,
    wait_for,
    whole,
)

from cornernet.tracking.server import connect


@pytest.mark.slow
def test_six_first_writers_at_once_and_of_one_model_too(tmp_path):
    folder, rows = tmp_path / "data" / "mlflow", history(tmp_path / "history.csv", 3)
    writers = [start_training(folder, rows, f"key{number}", "shared") for number in range(6)]
    for writer in writers:
        assert writer.communicate(timeout=250) == ("trained\n", "")
    client = connect(folder)
    for key in ("shared", *(f"key{number}" for number in range(6))):
        assert points(client, key) == whole(3)
        run = found(client, key).info
        assert (run.run_name, run.status == "FINISHED") == ("baseline-s0", key != "shared")


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
    track(first, history(tmp_path / "history.csv", 5), "KILLED")
    again, said = opened(folder, key=first.model.key)
    with again.following(history(tmp_path / "history.csv", 9)):
        wait_for(lambda: again.run_id, "it was not told")
        wait_for(lambda: found(client, first.model.key).info.status == "RUNNING", "not running")
    again.finish("FINISHED")
    assert again.run_id == first.run_id
    assert points(client, first.model.key) == whole(9)
    assert found(client, first.model.key).info.status == "FINISHED"
    assert said == []


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
