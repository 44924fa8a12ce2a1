"""MLflow's database is never harmed: by a kill, a full disk, a broken file, a cluster's jobs."""

import resource
import signal
import socket
import sqlite3
import time
from contextlib import closing

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from tracking.runs_case import REPOSITORY, history, model, opened, points, start_training, track

from cornernet.cli import main
from cornernet.tracking import leaves_to_others, send
from cornernet.tracking.server import connect


def assert_it_works(folder, tmp_path):
    files = model(tmp_path, last=2)
    assert files.key in send([files], folder)
    assert points(connect(folder), files.key) == [(1, 0.1), (2, 0.2)]


@pytest.mark.slow
def test_a_kill_while_it_is_made_leaves_nothing_half_made(tmp_path):
    folder = tmp_path / "mlflow"
    process = start_training(folder, history(tmp_path / "history.csv", 50))
    while not any(p.stat().st_size > 50_000 for p in folder.glob(".unfinished-mlflow.db.????????")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "mlflow.db").exists()
    assert_it_works(folder, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("made_before", [False, True])
def test_a_full_disk_costs_one_line_and_no_training(tmp_path, made_before):
    """As full as a disk is for a process that may write no longer file."""
    folder = tmp_path / "mlflow"
    limit = 100_000
    if made_before:
        connect(folder)
        limit = (folder / "mlflow.db").stat().st_size

    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    rows = history(tmp_path / "history.csv", 50)
    printed, said = start_training(folder, rows, preexec_fn=full).communicate(timeout=250)
    assert printed == "trained\n"
    assert len(said.splitlines()) == 1, said
    assert said.startswith("not reached")
    assert_it_works(folder, tmp_path)


@pytest.mark.parametrize("how", ["half made", "no database"])
def test_a_broken_database_is_named_with_what_to_do(tmp_path, monkeypatch, capsys, how):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").symlink_to(REPOSITORY / "params")
    path = tmp_path / "data/mlflow/mlflow.db"
    path.parent.mkdir(parents=True)
    if how == "half made":
        with closing(sqlite3.connect(path)) as database:
            database.execute("create table registered_models (name text)")
    else:
        path.write_bytes(b"not a database, by any means" * 100)
    before = path.read_bytes()
    run, said = opened(path.parent)
    track(run, history(tmp_path / "history.csv", 3))
    assert main(["tracking", "--profile", "demo"]) == 2
    for line in (*said, *capsys.readouterr().err.splitlines()):
        assert f"{path} is damaged" in line
        assert "move it away" in line
    assert len(said) == 1
    if how == "no database":
        assert path.read_bytes() == before


def test_a_port_that_is_taken_is_refused_with_another_one(tmp_path, monkeypatch, capsys):
    """As `make mlflow` asks before it starts the server."""
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["tracking", "--port", str(port)]) == 2
    said = capsys.readouterr()
    assert f"port {port} is taken by another program" in said.err
    assert f"make mlflow PORT={port + 1}" in said.err
    assert said.out == ""


@pytest.mark.parametrize("how", ["a file", "unwritable"])
def test_a_folder_that_cannot_be_one_stops_no_training(tmp_path, how):
    folder = tmp_path / "mlflow"
    if how == "a file":
        folder.write_text("")
    else:
        folder.symlink_to("/sys/kernel")  # where nobody may write, root neither
    run, said = opened(folder)
    track(run, history(tmp_path / "history.csv", 3))
    assert len(said) == 1


def test_a_cluster_s_job_leaves_its_files_unless_there_is_a_server(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    run, said = opened(tmp_path / "mlflow")
    track(run, history(tmp_path / "history.csv", 3))
    assert said == []
    assert not (tmp_path / "mlflow").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert not leaves_to_others()
