"""Groups of real processes: killed, stopped, raising, and what is left of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PROGRAM = Path(__file__).with_name("members.py")
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def start(tmp_path):
    """Starts the program on a folder of its own; what it leaves behind is killed in the end."""
    started = []

    def start(work, processes=2, restarts=0, minutes=9.0, **environment):
        words = [sys.executable, PROGRAM, tmp_path, work, processes, restarts, minutes]
        process = subprocess.Popen(
            list(map(str, words)),
            env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    start.folder = tmp_path
    yield start
    for process in started:
        process.kill()


def members(process, folder, count):
    """The members, once `count` have begun."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        pids = [int(path.name.partition("-")[2]) for path in folder.glob("[0-9]*-[0-9]*")]
        if len(pids) >= count:
            return [psutil.Process(pid) for pid in pids]
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError("members did not start")


def assert_gone(processes, within=20):
    """The processes end; none is left as an orphan."""
    assert psutil.wait_procs(processes, timeout=within)[1] == []


def test_what_raises_is_one_line_and_one_file(start):
    said, _ = start("raises").communicate(timeout=120)
    (line,) = said.splitlines()
    assert "process 1 failed: ZeroDivisionError: of the last member" in line
    assert "0 new starts did not help" in line
    assert "in raises" in (start.folder / "failure.txt").read_text()


@pytest.mark.slow
def test_ten_restarts_in_a_row(start):
    process = start("kills_itself", restarts=10)
    said, _ = process.communicate(timeout=400)
    *lines, last = said.splitlines()
    assert last == "ended: (0, 2, 11)"
    assert len(lines) == 10
    assert all("was killed, or crashed; starts again" in line for line in lines)
    assert process.returncode == 0


@pytest.mark.long
def test_a_member_that_is_killed_each_time_ends_all(start):
    process = start("kills_itself_always", restarts=1)
    said, _ = process.communicate(timeout=120)
    again, line = said.splitlines()
    assert "starts again (1 of 1)" in again
    assert line == "failed: process 1 was ended by SIGKILL, and 1 new starts did not help"
    assert process.returncode == 1
    assert not any(psutil.pid_exists(int(p.name[2:])) for p in start.folder.glob("[01]-*"))


@pytest.mark.long
@pytest.mark.parametrize("processes", [1, 2])
def test_a_member_that_hangs_is_ended_and_started_again(start, processes):
    began = time.monotonic()
    said, _ = start("stops_itself", processes, restarts=1, minutes=0.3).communicate(timeout=120)
    line, ended = said.splitlines()
    assert f"process {processes - 1} hangs: it did nothing for 0.3 minutes" in line
    assert ended == f"ended: ({processes}, 2)"
    assert time.monotonic() - began < 18 + 40 + 60  # two starts of the members included


@pytest.mark.slow
def test_nothing_listens_beyond_this_machine_and_no_orphan_outlives_its_agent(start):
    process = start("waits")
    both = members(process, start.folder, 2)
    listening = [
        one.laddr.ip
        for each in [psutil.Process(process.pid), *both]
        for one in each.net_connections()
        if one.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    process.kill()
    assert_gone(both)


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [False, True])
def test_a_signal_asks_members_to_stop_and_ends_none(start, whole_group):
    """To the agent alone, or as a terminal and a cluster send it, to members too."""
    process = start("waits")
    both = members(process, start.folder, 2)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == "ended: 15\n"
    assert_gone(both)


@pytest.mark.slow
def test_a_second_signal_ends_all_at_once(start):
    process = start("kills_itself_always", restarts=99)
    both = members(process, start.folder, 2)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == -signal.SIGTERM
    assert_gone(both)
