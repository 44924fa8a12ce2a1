"""Locks, where a file system has them and where not."""

import errno
import fcntl
import os

import pytest

from cornernet.files import locked


@pytest.mark.parametrize("answer", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_stops_nobody(tmp_path, monkeypatch, answer):
    def refuse(*_):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock", pytest.fail) as first, locked(tmp_path / "lock", pytest.fail):
        assert not first
