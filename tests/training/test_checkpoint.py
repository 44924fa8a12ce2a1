"""Checkpoints: the newest usable one, retention, what is set aside, what is refused."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
import zipfile
from dataclasses import replace

import pytest
import torch

from cornernet.errors import BadInput
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.job import differences
from cornernet.training.start import explicit_checkpoint
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


def folder_with(tmp_path, *iterations, keep=3):
    folder = CheckpointFolder(tmp_path / "checkpoints", keep)
    for iteration in iterations:
        folder.save(state(iteration))
    return folder


def test_a_state_reads_back_as_it_was(tmp_path):
    save_state(tmp_path / "s", state(7))
    read = load_state(tmp_path / "s")
    assert read.iteration == 7
    assert read.run_id == "f00"
    assert read.window == (1.5, 2.0)
    assert torch.equal(read.model["weight"], state(7).model["weight"])
    assert torch.equal(read.adam["weight"]["exp_avg"], torch.ones(4))
    assert torch.equal(read.random, torch.get_rng_state())
    assert differences(read.fingerprint, FINGERPRINT) == []
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_the_same_state_gives_the_same_bytes_whatever_the_run(tmp_path):
    save_state(tmp_path / "a", state(7).anonymous())
    save_state(tmp_path / "b", replace(state(7), run_id="other").anonymous())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_newest_are_kept(tmp_path):
    folder = folder_with(tmp_path, 5, 10, 15, 100, keep=2)
    assert [path.name for path in folder.all()] == [
        "iteration-00000100.pt",
        "iteration-00000015.pt",
    ]
    path, newest = folder.newest(FINGERPRINT, pytest.fail)
    assert (path, newest.iteration) == (folder.file(100), 100)


def damage_by_cutting(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_by_one_bit(path):
    """In the middle of a tensor, where torch itself does not look."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_by_emptying(path):
    path.write_bytes(b"")


def damage_by_another_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"format": 1}))


@pytest.mark.parametrize(
    "damage",
    [damage_by_cutting, damage_by_one_bit, damage_by_emptying, damage_by_another_archive],
)
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path, damage):
    folder = folder_with(tmp_path, 5, 10)
    damage(folder.file(10))
    said = []
    _, newest = folder.newest(FINGERPRINT, said.append)
    assert newest.iteration == 5
    assert len(said) == 1
    assert "iteration-00000010.pt: damaged" in said[0]
    assert (folder.path / "iteration-00000010.pt.damaged").is_file()
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
    folder = folder_with(tmp_path, 5, 10)
    folder.history.write_text("rows\n")
    said = []
    assert folder.newest(asked, said.append) is None
    assert len(said) == 1
    assert line in said[0]
    assert "training starts anew" in said[0]
    kept = folder.path / "set-aside-1"
    names = ["history.csv", "iteration-00000005.pt", "iteration-00000010.pt"]
    assert sorted(path.name for path in kept.iterdir()) == names
    assert folder.all() == []
    folder.save(state(1, fingerprint=changed(data="8")))
    folder.newest(asked, said.append)
    assert (folder.path / "set-aside-2" / "iteration-00000001.pt").is_file()
    assert sorted(path.name for path in kept.iterdir()) == names


def test_what_json_cannot_tell_apart_does_not_differ():
    assert differences({"chunks": (4, 5)}, {"chunks": [4, 5]}) == []
    assert differences({"chunks": [4, 5]}, {"chunks": [5, 4]}) == ["chunks: [4, 5] -> [5, 4]"]


def test_an_explicit_checkpoint_is_taken_or_refused_but_never_moved(tmp_path):
    folder = folder_with(tmp_path, 5)
    path = folder.file(5)
    assert explicit_checkpoint(path, FINGERPRINT).iteration == 5
    with pytest.raises(BadInput, match=r"data: 1234 -> 9"):
        explicit_checkpoint(path, changed(data="9"))
    assert path.is_file()
    damage_by_cutting(path)
    with pytest.raises(BadInput, match="not a readable training state"):
        explicit_checkpoint(path, FINGERPRINT)
    with pytest.raises(BadInput, match="no such file"):
        explicit_checkpoint(tmp_path / "none.pt", FINGERPRINT)


def test_a_full_disk_is_one_line_and_leaves_the_old_checkpoints(tmp_path, monkeypatch):
    folder = folder_with(tmp_path, 5)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(BadInput, match=r"No space left on device.*free some space"):
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
    said = capsys.readouterr().err
    assert f"process {other.pid} on " in said
    assert "is training this model; waiting for its end" in said


def test_half_written_files_of_killed_processes_go(tmp_path):
    folder = CheckpointFolder(tmp_path, 1)
    (tmp_path / ".unfinished-iteration-00000005.pt.abc").write_text("half")
    with folder.locked():
        assert list(tmp_path.glob(".unfinished*")) == []


def test_a_run_id_is_kept_for_the_same_training_alone(tmp_path):
    folder = CheckpointFolder(tmp_path, 1)
    assert folder.remembered_run(FINGERPRINT) is None
    folder.remember_run("f00", FINGERPRINT)
    assert folder.remembered_run(FINGERPRINT) == "f00"
    assert folder.remembered_run(changed(data="9")) is None
