"""MLflow behind its few functions: first writers at once, nothing doubled, nothing that fails."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cornernet.tracking import find_run, initialise, open_run
from cornernet.tracking.curve import Curve, _whole_iterations
from cornernet.tracking.run import Run, flat

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
REPOSITORY = Path(__file__).parents[2]

FIRST_WRITER = """
import sys
from pathlib import Path
from cornernet.tracking import open_run
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
run = open_run("demo", "baseline", seed, {"train": {"iterations": 3}}, {}, folder=folder)
assert run.run_id is not None
for iteration in range(1, 4):
    run.log(iteration, {"total": seed + iteration / 10})
run.finish()
"""


@pytest.fixture(autouse=True)
def _own_database(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("CORNERNET_INVOCATION", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A database that was made once; each test has a run of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    initialise("demo", folder)
    return folder


@pytest.fixture
def client(folder):
    return initialise("demo", folder).client


def opened(folder, **more):
    said = []
    arguments = {"params": {}, "tags": {}, **more}
    run = open_run("demo", "baseline", 0, folder=folder, say=said.append, **arguments)
    return run, said


def points(client, run, name="total"):
    return [(p.step, p.value) for p in client.get_metric_history(run.run_id, name)]


def rows(last):
    return [{"iteration": i, "total": i / 10, "pull": 0.5} for i in range(1, last + 1)]


def test_four_first_writers_at_once(tmp_path):
    folder = tmp_path / "data" / "mlflow"
    code = [sys.executable, "-c", FIRST_WRITER, str(folder)]
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "", "HOME": str(tmp_path)}
    writers = [
        subprocess.Popen([*code, str(seed)], env=environment, stderr=subprocess.PIPE, text=True)
        for seed in range(4)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=200)
        assert writer.returncode == 0, said
        assert said == ""
    server = initialise("demo", folder)
    runs = server.client.search_runs([server.experiment])
    assert sorted(run.info.run_name for run in runs) == [f"baseline-s{seed}" for seed in range(4)]
    for run in runs:
        seed = int(run.data.tags["seed"])
        history = server.client.get_metric_history(run.info.run_id, "total")
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
    run.log_metrics({"val/single_scale/AP": 61.2, "val/single_scale/AP_large": None})
    run.log_metrics({"val/single_scale/AP": 61.2})  # evaluated again
    run.finish()
    kept = client.get_run(run.run_id)
    assert kept.data.params == {
        "train.learning_rate": "0.001",
        "train.chunks": "[8, 8]",
        "model.stacks": "2",
    }
    wanted = {
        "profile": "demo",
        "variant": "baseline",
        "seed": "0",
        "git_commit": "abc",
        "invocation": "tonight",
    }
    assert wanted.items() <= kept.data.tags.items()
    assert "nothing" not in kept.data.tags
    assert kept.data.metrics == {"val/single_scale/AP": 61.2}
    assert len(client.get_metric_history(run.run_id, "val/single_scale/AP")) == 1
    assert kept.inputs.dataset_inputs[0].dataset.name == "shapes"
    assert [a.path for a in client.list_artifacts(run.run_id, "tables")] == ["tables/table1.md"]
    assert (folder / "artifacts" / "demo" / run.run_id).is_dir()
    assert said == []


def test_a_resumed_run_goes_on_with_its_own_curve(folder, client):
    first, _ = opened(folder, params={"train": {"iterations": 9}})
    for row in rows(5):
        first.log(row["iteration"], {"total": row["total"], "pull": row["pull"]})
    first.catch_up()  # then killed; the checkpoint was at 3
    again, said = opened(folder, run_id=first.run_id, params={"train": {"iterations": 9}})
    assert again.run_id == first.run_id
    assert client.get_run(first.run_id).info.status == "RUNNING"
    for row in rows(9)[3:]:
        again.log(row["iteration"], {"total": row["total"], "pull": row["pull"]})
    again.finish(rows=rows(9))
    assert points(client, again) == [(i, i / 10) for i in range(1, 10)]
    assert len(points(client, again, "pull")) == 9
    assert said == []


def test_what_the_server_missed_comes_from_the_history(folder, client):
    run, _ = opened(folder)
    run.log(1, {"total": 0.1, "pull": 0.5})
    run.finish(rows=rows(2500))  # several requests
    assert points(client, run) == [(i, i / 10) for i in range(1, 2501)]
    later = Run(initialise("demo", folder), run.run_id)
    assert later.catch_up(rows(2500))
    assert len(points(client, run)) == 2500


class Flaky:
    """A client whose server goes away for some calls; some arrive although the answer is lost."""

    def __init__(self, client, answers):
        self._client, self._answers = client, answers

    def __getattr__(self, name):
        return getattr(self._client, name)

    def log_batch(self, run_id, metrics):
        answer = self._answers.pop(0) if self._answers else "ok"
        if answer == "away":
            raise ConnectionError("server is away")
        self._client.log_batch(run_id, metrics=metrics)
        if answer == "lost":
            raise TimeoutError("no answer")


def test_a_server_that_dies_midway_gets_each_point_once(folder, client, monkeypatch):
    monkeypatch.setattr("cornernet.tracking.curve.FLUSH_INTERVAL", 0.01)
    monkeypatch.setattr("cornernet.tracking.curve.RETRY_INTERVAL", 0.05)
    run, _ = opened(folder)
    said = []
    flaky = Flaky(client, ["ok", "away", "lost", "away", "ok"])
    curve = Curve(flaky, run.run_id, said.append)
    for row in rows(30):
        curve.add(row["iteration"], {"total": row["total"], "pull": row["pull"]})
        time.sleep(0.02)
    assert curve.close((r["iteration"], {"total": r["total"], "pull": r["pull"]}) for r in rows(30))
    assert points(client, run) == [(i, i / 10) for i in range(1, 31)]
    assert len(points(client, run, "pull")) == 30
    assert len(said) == 1
    assert "not reached" in said[0]


def test_logging_never_waits_for_the_server(folder, client):
    class Slow(Flaky):
        def log_batch(self, run_id, metrics):
            time.sleep(1)

    run, _ = opened(folder)
    curve = Curve(Slow(client, []), run.run_id, pytest.fail)
    began = time.monotonic()
    for iteration in range(1000):
        curve.add(iteration, {"total": 1.0})
    assert time.monotonic() - began < 0.5


def test_a_server_that_is_away_is_said_once_and_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the discard port: refused
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run, said = opened(tmp_path)
    assert run.run_id is None
    run.log(1, {"total": 1.0})
    run.log_metrics({"AP": 1.0})
    run.log_artifact(tmp_path / "none")
    run.finish(rows=rows(3))
    assert len(said) == 1
    assert "not reached, going on without" in said[0]


def test_a_broken_database_is_said_once_and_stops_nothing(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"not a database, by any means" * 100)
    run, said = opened(tmp_path)
    assert run.run_id is None
    assert len(said) == 1


def test_without_mlflow_nothing_is_kept(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    run, said = opened(tmp_path)
    assert run.run_id is None
    assert said == ["not installed, going on without"]
    run.finish()


def test_evaluation_lands_on_the_run_of_the_training(folder, client):
    trained, _ = opened(folder)
    trained.finish()
    found = find_run("demo", "baseline", 0, "w" * 64, run_id=trained.run_id, folder=folder)
    found.log_metrics({"val/single_scale/AP": 50.0})
    assert found.run_id == trained.run_id
    assert client.get_run(trained.run_id).data.metrics == {"val/single_scale/AP": 50.0}
    assert client.get_run(trained.run_id).info.status == "FINISHED"


def test_a_model_trained_elsewhere_gets_one_run_and_keeps_it(folder, client):
    elsewhere = "0" * 32
    first = find_run(
        "demo", "baseline", 3, "e" * 64, elsewhere, {"train": {"iterations": 5}}, folder=folder
    )
    again = find_run("demo", "baseline", 3, "e" * 64, elsewhere, folder=folder)
    assert first.run_id == again.run_id not in (None, elsewhere)
    kept = client.get_run(first.run_id)
    assert kept.data.tags["trained_elsewhere"] == elsewhere
    assert kept.data.params == {"train.iterations": "5"}
    assert kept.info.status == "FINISHED"
    other = find_run("demo", "baseline", 3, "f" * 64, elsewhere, folder=folder)
    assert other.run_id != first.run_id


def test_a_deleted_run_is_not_written_to(folder, client):
    run, _ = opened(folder)
    client.delete_run(run.run_id)
    again, said = opened(folder, run_id=run.run_id)
    assert again.run_id not in (None, run.run_id)
    assert said == []


def test_requests_never_cut_an_iteration_in_two():
    line = [(i, 0.0, name, 1.0) for i in range(500) for name in "abc"]
    batches = list(_whole_iterations(line))
    assert [point for batch in batches for point in batch] == line
    assert all(len(batch) <= 1000 for batch in batches)
    ends = [batch[-1][0] for batch in batches]
    starts = [batch[0][0] for batch in batches]
    assert all(end < start for end, start in zip(ends[:-1], starts[1:], strict=True))


def test_flat_names():
    tree = {"a": {"b": {"c": 1}, "d": [1, 2]}, "e": None, "f": {}}
    assert flat(tree) == {"a.b.c": 1, "a.d": [1, 2], "e": None, "f": {}}


def test_importing_the_tracker_does_not_import_mlflow():
    code = "import sys, cornernet.tracking; sys.exit('mlflow' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(REPOSITORY / "src")}, check=True
    )
