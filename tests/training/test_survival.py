"""kill -9, SIGTERM and Ctrl-C of a real process, at no chosen moment."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training.tiny import make_coco, tiny_files, tiny_params, train_tiny

from cornernet.training.history import read_history

PROGRAM = Path(__file__).with_name("tiny.py")
REPOSITORY = Path(__file__).parents[2]
ITERATIONS = 30
OVERRIDES = (
    f"train.iterations={ITERATIONS}",
    "train.checkpoint_every=7",
    "train.log_every=1",
    "train.learning_rate_drops=[20]",
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    root = tmp_path_factory.mktemp("survival")
    make_coco(root / "data")
    train_tiny(root, tiny_params(root / "data", *OVERRIDES))
    return tiny_files(root)


@pytest.fixture
def folder(tmp_path):
    make_coco(tmp_path / "data")
    return tmp_path


def start(folder, *overrides):
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "tests")])
    return subprocess.Popen(
        [sys.executable, PROGRAM, folder, *OVERRIDES, *overrides],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as Ctrl-C in a terminal reaches
    )


def wait_until_row(process, folder, iteration):
    """Return once `iteration` stands in the history of a process that still runs."""
    history = folder / "checkpoints" / "history.csv"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(row["iteration"] >= iteration for row in read_history(history)):
            return
        time.sleep(0.005)


def assert_same(folder, uninterrupted):
    files = tiny_files(folder)
    assert files.weights.read_bytes() == uninterrupted.weights.read_bytes()
    assert files.state.read_bytes() == uninterrupted.state.read_bytes()
    rows, expected = read_history(files.history), read_history(uninterrupted.history)
    assert [row["iteration"] for row in rows] == list(range(1, ITERATIONS + 1))
    assert [row["total"] for row in rows] == [row["total"] for row in expected]


def kill_and_go_on(folder, kills, seed, *overrides):
    """Kill the training at `kills` random moments, then let it end; the kills that landed."""
    rng, landed = random.Random(seed), []
    for number in range(kills):
        process = start(folder, *overrides)
        last = ITERATIONS * (number + 1) // (kills + 1)
        wait_until_row(process, folder, rng.randint(max(1, last - 6), last))
        time.sleep(rng.random() * 0.05)  # within an iteration, or while a checkpoint is written
        process.kill()
        _, said = process.communicate()
        if process.returncode == -signal.SIGKILL and not tiny_files(folder).weights.exists():
            landed.append(
                max(r["iteration"] for r in read_history(folder / "checkpoints/history.csv"))
            )
        else:
            assert process.returncode == 0, said
    process = start(folder, *overrides)
    _, said = process.communicate()
    assert process.returncode == 0, said
    return landed, said


def test_kill_at_random_moments_changes_nothing(folder, uninterrupted):
    landed, said = kill_and_go_on(folder, kills=1, seed=time.time_ns())
    print(f"{len(landed)} of 1 kill landed mid-training, after iterations {landed}")
    assert len(landed) == 1, "the kill came too late to test anything"
    assert "goes on from iteration" in said
    assert_same(folder, uninterrupted)


@pytest.mark.slow
def test_many_kills_with_sampling_processes_change_nothing(folder, uninterrupted):
    landed, _ = kill_and_go_on(folder, 8, time.time_ns(), "train.workers=2")
    print(f"{len(landed)} of 8 kills landed mid-training, after iterations {landed}")
    assert len(landed) >= 5, "the kills came too late to test anything"
    assert_same(folder, uninterrupted)


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_saves_a_checkpoint_first(folder, uninterrupted):
    """Every process of the group gets the signal, those that make samples too."""
    process = start(folder, "train.workers=1")
    wait_until_row(process, folder, 10)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "stopped by SIGINT after iteration" in said
    assert "Traceback" not in said
    process = start(folder, "train.workers=1")
    _, again = process.communicate()
    stopped = said.split("after iteration ")[1].split(";")[0]
    assert f"goes on from iteration {stopped} " in again
    assert_same(folder, uninterrupted)
