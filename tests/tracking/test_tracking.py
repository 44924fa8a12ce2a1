"""MLflow behind its few functions: first writers at once, nothing doubled, nothing that fails."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tracking.runs_case import history, log, opened, points

from cornernet.tracking import find_run, initialise
from cornernet.tracking.run import flat

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
pytestmark = pytest.mark.usefixtures("own_database")
REPOSITORY = Path(__file__).parents[2]

FIRST_WRITER = """
import sys
from pathlib import Path
from cornernet.tracking import open_run
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
run = open_run("demo", "baseline", seed, {"train": {"iterations": 3}}, {}, folder=folder)
run.begin()
assert run.run_id is not None
for iteration in range(1, 4):
    run.log(iteration, {"total": seed + iteration / 10})
run.finish("FINISHED")
"""


def test_six_first_writers_at_once(tmp_path):
    folder = tmp_path / "data" / "mlflow"
    code = [sys.executable, "-c", FIRST_WRITER, str(folder)]
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "", "HOME": str(tmp_path)}
    writers = [
        subprocess.Popen([*code, str(seed)], env=environment, stderr=subprocess.PIPE, text=True)
        for seed in range(6)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=200)
        assert writer.returncode == 0, said
        assert said == ""
    server = initialise("demo", folder)
    runs = server.client.search_runs([server.experiment])
    assert sorted(run.info.run_name for run in runs) == [f"baseline-s{seed}" for seed in range(6)]
    for run in runs:
        seed = int(run.data.tags["seed"])
        history = server.client.get_metric_history(run.info.run_id, "loss/total")
        assert [(p.step, p.value) for p in history] == [(i, seed + i / 10) for i in (1, 2, 3)]
        assert run.info.status == "FINISHED"
        assert run.data.params == {"train.iterations": "3"}


def test_a_run_holds_params_tags_metrics_and_artifacts(folder, client, tmp_path, monkeypatch):
    monkeypatch.setenv("CORNERNET_INVOCATION", "tonight")
    params = {"train": {"learning_rate": 0.001, "chunks": [8, 8]}, "model": {"stacks": 2}}
    run, said = opened(folder, params=params, tags={"git_commit": "abc", "nothing": None})
    (tmp_path / "table1.md").write_text("| AP |")
    run.log_artifact(tmp_path / "table1.md", "tables")
    run.log_dataset("shapes", "d" * 64, {"root": "data/demo/shapes"}, "training")
    run.log_metrics({"AP.val.single_scale": 61.2, "AP_large.val.single_scale": None})
    time.sleep(0.01)  # or MLflow itself would take it for the same point
    run.log_metrics({"AP.val.single_scale": 61.2})  # evaluated again
    run.finish("FINISHED")
    kept = client.get_run(run.run_id)
    assert kept.data.params == {
        "train.learning_rate": "0.001",
        "train.chunks": "[8, 8]",
        "model.stacks": "2",
    }
    wanted = {"profile": "demo", "variant": "baseline", "seed": "0"}
    wanted |= {"git_commit": "abc", "invocation": "tonight"}
    assert wanted.items() <= kept.data.tags.items()
    assert "nothing" not in kept.data.tags
    assert kept.data.metrics == {"AP.val.single_scale": 61.2}  # nor machine's metrics: no iteration
    assert len(client.get_metric_history(run.run_id, "AP.val.single_scale")) == 1
    assert kept.inputs.dataset_inputs[0].dataset.name == "shapes"
    assert [a.path for a in client.list_artifacts(run.run_id, "tables")] == ["tables/table1.md"]
    assert (folder / "artifacts" / "demo" / run.run_id).is_dir()
    assert said == []


def test_a_resumed_run_goes_on_with_its_own_curve(folder, client):
    first, _ = opened(folder, params={"train": {"iterations": 9}})
    log(first, 1, 5)
    first.send()  # then killed; the checkpoint was at 3
    again, said = opened(folder, key=first.key, params={"train": {"iterations": 9}})
    assert again.run_id == first.run_id
    assert client.get_run(first.run_id).info.status == "RUNNING"
    log(again, 4, 9)
    again.finish("FINISHED")
    assert points(client, again) == [(i, i / 10) for i in range(1, 10)]
    assert len(points(client, again, "loss/pull")) == 9
    assert client.get_run(first.run_id).info.status == "FINISHED"
    assert said == []


def test_points_that_never_reached_the_journal_come_from_the_history(folder, client, tmp_path):
    run, _ = opened(folder)
    log(run, 1, 1)
    log(run, 900, 900)
    run.finish("FINISHED", history(tmp_path / "h.csv", 2500))  # several requests
    assert sorted(points(client, run)) == [(i, i / 10) for i in range(1, 2501)]
    assert client.get_run(run.run_id).data.tags["iterations"] == "2500"
    assert not (folder / "outbox" / run.key).exists()


def test_evaluation_lands_on_the_run_of_the_training(folder, client):
    trained, _ = opened(folder)
    trained.finish("FAILED")
    with find_run("demo", "baseline", 0, "w" * 64, trained.key, folder=folder) as found:
        found.log_metrics({"AP.val.single_scale": 50.0})
    assert found.run_id == trained.run_id
    kept = client.get_run(trained.run_id)
    assert kept.data.metrics["AP.val.single_scale"] == 50.0
    assert kept.info.status == "FAILED"
    assert "trained_elsewhere" not in kept.data.tags


def test_a_model_trained_elsewhere_gets_one_run_with_its_curve(folder, client, tmp_path):
    key, params = "0" * 32, {"train": {"iterations": 5}}
    whole = history(tmp_path / "history.csv", 5)
    runs = []
    for _ in range(2):
        with find_run("demo", "baseline", 3, "e" * 64, key, params, whole, folder) as run:
            run.log_metrics({"AP.val.single_scale": 50.0})
        runs.append(run)
    assert runs[0].run_id == runs[1].run_id != key
    kept = client.get_run(runs[0].run_id)
    assert kept.data.tags["trained_elsewhere"] == "yes"
    assert kept.data.tags["weights_digest"] == "e" * 64
    assert kept.data.params == {"train.iterations": "5"}
    assert kept.info.status == "FINISHED"
    assert points(client, runs[0]) == [(i, i / 10) for i in range(1, 6)]
    for _ in range(2):
        with find_run("demo", "baseline", 3, "f" * 64, folder=folder) as other:
            runs.append(other)
    assert runs[2].run_id == runs[3].run_id != runs[0].run_id


def test_a_deleted_run_is_not_written_to(folder, client):
    run, _ = opened(folder)
    client.delete_run(run.run_id)
    again, said = opened(folder, key=run.key)
    assert again.run_id not in (None, run.run_id)
    assert said == []


def test_flat_names():
    tree = {"a": {"b": {"c": 1}, "d": [1, 2]}, "e": None, "f": {}}
    assert flat(tree) == {"a.b.c": 1, "a.d": [1, 2], "e": None, "f": {}}
