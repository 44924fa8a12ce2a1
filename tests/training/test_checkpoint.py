"""Checkpoints: the newest usable one, retention, what is set aside, what is refused."""

import io
import multiprocessing
import os
import pickle
import signal
import threading
import time
import zipfile

import pytest
import torch

from cornernet.errors import BadInput
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.job import differences
from cornernet.training.start import given_state
from cornernet.training.state import TrainingState, Unreadable, load_state, save_state

FINGERPRINT = {
    "params": {"train": {"iterations": 900, "chunks": (4, 5)}, "losses": {"pull_weight": 0.1}},
    "code": {"cornernet.model.losses": "a" * 64},
    "data": "1234",
}


def state(iteration, fingerprint=FINGERPRINT):
    return TrainingState(
        iteration=iteration,
        model={"weight": torch.arange(50_000.0) + iteration, "count": torch.tensor(iteration)},
        adam={"weight": {"step": torch.tensor(3.0), "exp_avg": torch.ones(4)}},
        random=torch.get_rng_state(),
        window=(1.5, 2.0),
        fingerprint=fingerprint,
        run_id="f00",
        code_spans=[],
    )


def folder_with(tmp_path, *iterations, keep=3, report=pytest.fail):
    folder = CheckpointFolder(tmp_path / "checkpoints", keep, report)
    for iteration in iterations:
        folder.save(state(iteration))
    return folder


def test_a_state_reads_back_as_it_was_and_the_same_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_state(tmp_path / name, state(7))
    read = load_state(tmp_path / "a")
    assert (read.iteration, read.run_id, read.window) == (7, "f00", (1.5, 2.0))
    assert torch.equal(read.model["weight"], state(7).model["weight"])
    assert torch.equal(read.adam["weight"]["exp_avg"], torch.ones(4))
    assert torch.equal(read.random, torch.get_rng_state())
    assert differences(read.fingerprint, FINGERPRINT) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_newest_are_kept(tmp_path):
    folder = folder_with(tmp_path, 5, 10, 15, 100, keep=2)
    assert [path.name for path in folder.all()] == [
        "iteration-00000100.pt",
        "iteration-00000015.pt",
    ]
    path, newest = folder.newest(FINGERPRINT)
    assert (path, newest.iteration) == (folder.file(100), 100)


def cut(content):
    return content[: len(content) // 2]


def with_one_bit_changed(content):
    """In the middle of a tensor, where torch itself does not look."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def another_archive(content):
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as writer:
        writer.writestr("archive/data.pkl", pickle.dumps({"format": 1}))
    return archive.getvalue()


@pytest.mark.parametrize(
    "damaged", [cut, with_one_bit_changed, lambda content: b"", another_archive]
)
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path, damaged):
    said = []
    folder = folder_with(tmp_path, 5, 10, report=said.append)
    path = folder.file(10)
    path.write_bytes(damaged(path.read_bytes()))
    _, newest = folder.newest(FINGERPRINT)
    assert newest.iteration == 5
    (line,) = said
    assert f"{path.name}: damaged" in line
    assert path.with_name(f"{path.name}.damaged").is_file()
    # It must not push out the good ones when training reaches iteration 10 again.
    folder.save(state(7))
    assert [load_state(path).iteration for path in folder.all()] == [7, 5]


def test_a_checkpoint_never_runs_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    torch.save({"format": 1, "iteration": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(Unreadable):
        load_state(tmp_path / "evil.pt")
    assert not (tmp_path / "owned").exists()


def changed(**sections):
    return {**FINGERPRINT, **sections}


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            changed(params={**FINGERPRINT["params"], "losses": {"pull_weight": 0.2}}),
            "params.losses.pull_weight: 0.1 -> 0.2",
        ),
        (changed(data="9" * 64), "data: 1234 -> 999999999999..."),
        (changed(seed=1), "seed: (none) -> 1"),
    ],
)
def test_one_made_with_something_else_is_set_aside(tmp_path, asked, line):
    said = []
    folder = folder_with(tmp_path, 5, 10, report=said.append)
    (folder.path / "history.csv").write_text("rows\n")
    assert folder.newest(asked) is None
    (told,) = said
    assert line in told
    assert "training starts again" in told
    kept = folder.path / "set-aside-1"
    names = ["history.csv", "iteration-00000005.pt", "iteration-00000010.pt"]
    assert sorted(path.name for path in kept.iterdir()) == names
    assert folder.all() == []
    folder.save(state(1, fingerprint=changed(data="8")))
    folder.newest(asked)
    assert (folder.path / "set-aside-2" / "iteration-00000001.pt").is_file()
    assert sorted(path.name for path in kept.iterdir()) == names


def test_a_state_that_is_named_is_taken_or_refused_but_never_moved(tmp_path):
    path = folder_with(tmp_path, 5).file(5)
    assert given_state(path, "--resume").iteration == 5
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(BadInput, match=r"--resume .*: damaged"):
        given_state(path, "--resume")
    with pytest.raises(BadInput, match="no such file"):
        given_state(tmp_path / "none.pt", "--resume")
    assert path.is_file()


def test_a_full_disk_is_one_line_and_leaves_the_old_checkpoints(tmp_path, monkeypatch):
    folder = folder_with(tmp_path, 5)

    def full(*_):
        raise RuntimeError("unexpected pos 64 vs 0")  # as torch calls it

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        folder.save(state(10))
    assert [path.name for path in folder.path.iterdir()] == ["iteration-00000005.pt"]


def hold(folder, worker_pid):
    """Hold the lock and start a worker, as those that make samples, that outlives this process."""
    with folder.locked():
        worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(90,))
        worker.start()
        worker_pid.value = worker.pid
        time.sleep(90)


def test_two_processes_never_train_the_same_model(tmp_path, capsys):
    (tmp_path / ".unfinished-iteration-00000005.pt.abc").write_text("half")
    folder = CheckpointFolder(tmp_path, 1)
    context = multiprocessing.get_context("fork")
    worker_pid = context.Value("i", 0)
    other = context.Process(target=hold, args=(folder, worker_pid))
    other.start()
    deadline = time.monotonic() + 60
    while not worker_pid.value and time.monotonic() < deadline:
        time.sleep(0.05)
    threading.Timer(2, other.kill).start()
    with folder.locked():  # the system frees the lock, although the worker is still there
        assert not other.is_alive()
        os.kill(worker_pid.value, signal.SIGKILL)
        assert list(tmp_path.glob(".unfinished*")) == []  # what killed processes left
    said = capsys.readouterr().err
    assert f"process {other.pid} on " in said
    assert "is training this model; waiting for its end" in said
