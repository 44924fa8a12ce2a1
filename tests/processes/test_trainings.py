"""kill -9, SIGSTOP, SIGTERM and Ctrl-C of real trainings, at no chosen moment, on one node or two."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from training.tiny import make_coco, tiny_files, tiny_params, train_tiny

from cornernet.training.history import read_history

PROGRAM = Path(__file__).parents[1] / "training" / "tiny.py"
REPOSITORY = Path(__file__).parents[2]
HISTORY = "checkpoints/history.csv"
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
    rows = partial(read_history, folder / HISTORY)
    wait_until(process, lambda: any(row["iteration"] >= iteration for row in rows()))


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


def finished(process):
    """What it said, once it has ended well."""
    _, said = process.communicate(timeout=280)
    assert process.returncode == 0, said
    return said


def assert_gone(processes):
    """They end; none is left as an orphan."""
    assert psutil.wait_procs(processes, timeout=20)[1] == []


PHASES = {
    "it starts": lambda process, folder, done: wait_until(
        process, (folder / "checkpoints" / "run.json").exists
    ),
    "its member starts": lambda process, folder, done: wait_until(
        process, lambda: members(process)
    ),
    "it trains": lambda process, folder, done: wait_until_row(process, folder, done + 5),
    "it saves": lambda process, folder, done: wait_until(
        process, lambda: any((folder / "checkpoints").glob(".unfinished-iteration*"))
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("ctrl_c_first", [True, False])
def test_signals_in_any_phase_and_kills_change_nothing(folder, uninterrupted, ctrl_c_first):
    """One training: signals in turn, Ctrl-C in a terminal, which reaches every process, and SIGTERM
    to the first alone; a second one, which ends all at once; kill -9 of all.
    """
    often, done, ctrl_c = ("train.workers=1", "train.checkpoint_every=1"), 0, ctrl_c_first
    for phase, comes in PHASES.items():
        process = start(folder, *often)
        comes(process, folder, done)
        if ctrl_c:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        _, said = process.communicate(timeout=200)
        assert process.returncode == 1, (phase, said)
        assert f"stopped by {'SIGINT' if ctrl_c else 'SIGTERM'} after iteration" in said
        assert "Traceback" not in said
        assert said.count("ended:") == 1
        assert f"goes on from iteration {done} " in said or done == 0
        done = int(said.split("after iteration ")[1].split(";")[0])
        ctrl_c = not ctrl_c
    process = start(folder)
    wait_until(process, lambda: members(process))
    started = members(process)
    process.terminate()
    time.sleep(0.5)
    process.terminate()
    process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert_gone(started)
    process = start(folder)
    wait_until_row(process, folder, done + 3)
    time.sleep(random.random() * 0.05)  # within an iteration, or while a checkpoint is written
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the kill came too late to test anything"
    finished(start(folder))
    assert_same(folder, uninterrupted(1))


def both_at_work(process, folder):
    """The two members, as soon as they have added a row to the history."""
    done = max((row["iteration"] for row in read_history(folder / HISTORY)), default=0)
    wait_until(process, lambda: len(members(process)) == 2)
    both = members(process)
    wait_until_row(process, folder, done + 1)
    return both


@pytest.mark.long
def test_ten_restarts_in_a_row_nothing_that_listens_and_no_orphan(folder, uninterrupted):
    """Of two processes: a member is killed each time; then the one that watches them."""
    process = start(folder, "train.restarts=10", "train.checkpoint_every=1", processes=2)
    for _ in range(10):
        both = both_at_work(process, folder)
        both[-1].kill()
        assert_gone(both)
    both = both_at_work(process, folder)
    found = [psutil.Process(process.pid), *both]
    connections = [one for each in found for one in each.net_connections()]
    listening = {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    process.kill()
    assert_gone(both)
    _, said = process.communicate()
    assert said.count("tiny: note: a process was killed, or crashed; starts again") == 10
    finished(start(folder, processes=2))
    assert_same(folder, uninterrupted(2))


@pytest.mark.long
def test_a_member_that_is_killed_more_often_than_allowed_ends_all(folder):
    process = start(folder, "train.restarts=0", processes=2)
    both = both_at_work(process, folder)
    both[-1].kill()
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "ended: process 1 was ended by SIGKILL, and 0 new starts did not help" in said
    assert_gone(both)


@pytest.mark.long
@pytest.mark.parametrize("processes", [1, 2])
def test_a_member_that_hangs_is_ended_and_started_again(folder, uninterrupted, processes):
    process = start(folder, "train.hang_minutes=0.3", processes=processes)
    wait_until_row(process, folder, 10)
    stopped, began = members(process)[-1], time.monotonic()
    stopped.suspend()
    wait_until(process, lambda: not stopped.is_running())
    assert time.monotonic() - began < 18 + 40
    assert "hangs: it did nothing for 0.3 minutes; starts again (1 of 3)" in finished(process)
    assert_same(folder, uninterrupted(processes))


def start_nodes(folder, *overrides):
    """A training on two nodes with a process each, both on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    step = {"SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "2", "MASTER_PORT": port}
    step["MASTER_ADDR"] = "127.0.0.1"
    return [start(folder, *overrides, **step, SLURM_NODEID=rank) for rank in ("0", "1")]


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
    finished(start(folder, processes=2))
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
