"""kill -9, SIGSTOP, SIGTERM and Ctrl-C of real trainings, at no chosen moment, on one node or two."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from training.tiny import make_coco, tiny_files, tiny_params, train_tiny

from cornernet.training.history import read_history

PROGRAM = Path(__file__).parents[1] / "training" / "tiny.py"
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
    """The results by the number of processes."""
    made = {}

    def uninterrupted(processes):
        if processes not in made:
            root = tmp_path_factory.mktemp("survival")
            make_coco(root / "data")
            train_tiny(root, tiny_params(root / "data", *OVERRIDES), processes - 1 and processes)
            made[processes] = tiny_files(root)
        return made[processes]

    return uninterrupted


@pytest.fixture
def folder(tmp_path):
    make_coco(tmp_path / "data")
    return tmp_path


def start(folder, *overrides, processes=1, **environment):
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "tests")])
    return subprocess.Popen(
        [sys.executable, PROGRAM, folder, str(processes), *OVERRIDES, *overrides],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as Ctrl-C in a terminal reaches
    )


def wait_until(process, happened):
    """Return once it happened, or the process has ended."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None and not happened():
        time.sleep(0.005)


def wait_until_row(process, folder, iteration):
    history = folder / "checkpoints" / "history.csv"
    wait_until(process, lambda: any(r["iteration"] >= iteration for r in read_history(history)))


def members(process):
    """The training's processes, without the one that tells multiprocessing's resources."""
    found = []
    for child in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has ended since
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def assert_same(folder, expected):
    files = tiny_files(folder)
    assert files.weights.read_bytes() == expected.weights.read_bytes()
    assert files.state.read_bytes() == expected.state.read_bytes()
    rows, others = read_history(files.history), read_history(expected.history)
    assert [row["iteration"] for row in rows] == list(range(1, ITERATIONS + 1))
    assert [row["total"] for row in rows] == [row["total"] for row in others]


def finish(folder, *overrides, **options):
    """Let the training go on to its end; what it says."""
    process = start(folder, *overrides, **options)
    _, said = process.communicate(timeout=280)
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
def test_a_killed_member_is_started_again(folder, uninterrupted):
    process = start(folder)
    wait_until_row(process, folder, 10)
    (member,) = members(process)
    member.kill()
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert "tiny: a process was killed, or crashed; starts again (1 of 3)" in said
    assert "tiny: goes on from iteration " in said
    assert_same(folder, uninterrupted(1))


@pytest.mark.long
def test_many_kills_of_all_processes_change_nothing(folder, uninterrupted):
    rng, landed = random.Random(time.time_ns()), []
    for number in range(4):
        process = start(folder, "train.workers=1")
        last = ITERATIONS * (number + 1) // 5
        wait_until_row(process, folder, rng.randint(max(1, last - 6), last))
        time.sleep(rng.random() * 0.05)  # within an iteration, or while a checkpoint is written
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            landed.append(read_history(folder / "checkpoints/history.csv")[-1]["iteration"])
    finish(folder, "train.workers=1")
    print(f"{len(landed)} of 4 kills landed mid-training, after iterations {landed}")
    assert len(landed) >= 3, "the kills came too late to test anything"
    assert_same(folder, uninterrupted(1))


PHASES = {
    "while it starts": lambda process, folder: wait_until(
        process, (folder / "checkpoints" / "run.json").exists
    ),
    "while its member starts": lambda process, folder: wait_until(
        process, lambda: members(process)
    ),
    "while it trains": lambda process, folder: wait_until_row(process, folder, 10),
    "while it saves": lambda process, folder: wait_until(
        process, lambda: any((folder / "checkpoints").glob(".unfinished-iteration*"))
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("ctrl_c", [True, pytest.param(False, marks=pytest.mark.long)])
def test_signals_save_a_checkpoint_in_any_phase(folder, uninterrupted, phase, ctrl_c):
    """Ctrl-C in a terminal, which reaches every process, and SIGTERM to the first alone."""
    process = start(folder, "train.workers=1")
    PHASES[phase](process, folder)
    if ctrl_c:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1, said
    assert f"stopped by {'SIGINT' if ctrl_c else 'SIGTERM'} after iteration" in said
    assert "Traceback" not in said
    assert said.count("ended:") == 1
    stopped = int(said.split("after iteration ")[1].split(";")[0])
    again = finish(folder, "train.workers=1")
    assert f"goes on from iteration {stopped} " in again or stopped == 0
    assert_same(folder, uninterrupted(1))


@pytest.mark.long
@pytest.mark.parametrize("processes", [1, 2])
def test_a_member_that_hangs_is_ended_and_started_again(folder, uninterrupted, processes):
    process = start(folder, "train.hang_minutes=0.3", processes=processes)
    wait_until_row(process, folder, 10)
    stopped, began = members(process)[-1], time.monotonic()
    stopped.suspend()
    wait_until(process, lambda: not stopped.is_running())
    assert time.monotonic() - began < 18 + 40
    _, said = process.communicate(timeout=280)
    assert process.returncode == 0, said
    assert "hangs: it did nothing for 0.3 minutes; starts again (1 of 3)" in said
    assert_same(folder, uninterrupted(processes))


def start_nodes(folder, *overrides):
    """A training on two nodes with a process each, both on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    shared = {"PET_NNODES": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start(folder, *overrides, **shared, PET_NODE_RANK=rank) for rank in ("0", "1")]


def ended(nodes):
    return [(node.communicate(timeout=280)[1], node.returncode) for node in nodes]


@pytest.mark.slow
def test_two_nodes_compute_what_two_processes_do_and_survive_a_kill(folder, uninterrupted):
    nodes = start_nodes(folder)
    wait_until_row(nodes[0], folder, 10)
    members(nodes[1])[0].kill()
    for said, code in ended(nodes):
        assert code == 0, said
    assert_same(folder, uninterrupted(2))


@pytest.mark.long
@pytest.mark.parametrize("node", [0, 1])
def test_a_signal_to_one_node_stops_both(folder, uninterrupted, node):
    nodes = start_nodes(folder)
    wait_until_row(nodes[0], folder, 10)
    nodes[node].send_signal(signal.SIGUSR1)
    for said, code in ended(nodes):
        assert code == 1
        assert "stopped by SIGUSR1 after iteration" in said
    finish(folder, processes=2)
    assert_same(folder, uninterrupted(2))


@pytest.mark.long
def test_a_node_that_is_gone_ends_the_other(folder):
    nodes = start_nodes(folder, "train.restarts=1")
    wait_until_row(nodes[0], folder, 10)
    nodes[0].kill()
    (_, _), (said, code) = ended(nodes)
    assert code == 1
    assert said.count("ended:") == 1
    assert "Traceback" not in said
