"""Locks that end with their process, and file systems that have none."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from cornernet.files import locked

HOLD = """
import sys
from pathlib import Path
from cornernet.files import locked
with locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds a lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_ends_with_its_process(tmp_path, holder):
    waited_for = []

    def kill_it(name):
        waited_for.append(name)
        holder.kill()

    with locked(tmp_path / "lock", kill_it) as held:
        assert held
    assert waited_for == [f"process {holder.pid} on {os.uname().nodename}"]


def test_who_does_not_want_to_wait_may_raise(tmp_path, holder):
    def refuse(name):
        raise ValueError(name)

    with pytest.raises(ValueError, match=str(holder.pid)), locked(tmp_path / "lock", refuse):
        pass


@pytest.mark.parametrize("answer", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_stops_nobody(tmp_path, monkeypatch, answer):
    def refuse(*_):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock", pytest.fail) as held:
        assert not held
