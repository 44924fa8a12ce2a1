"""What the disk refuses is one line and exit code 2, at whichever path it happens."""

import errno
import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from cornernet.cli import main
from cornernet.files import locked

PARAMS = Path(__file__).parents[1] / "params"


@pytest.fixture
def refusal(tmp_path, monkeypatch, capsys):
    """The one line with which a command ends, run in a folder of its own."""
    shutil.copytree(PARAMS, tmp_path / "params")
    (tmp_path / "params/profile.yaml").write_text("profile: smoke\n")
    monkeypatch.chdir(tmp_path)
    assert main(["dvc-yaml"]) == 0
    capsys.readouterr()

    def of(*arguments):
        profile = () if arguments[0] == "detect" else ("--profile", "smoke")
        assert main([*arguments, *profile]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"cornernet {arguments[0]}: ")
        return line

    return of


@contextmanager
def read_only(folder):
    """A folder in which nobody may write, root neither."""
    folder.chmod(0o555)
    refused = not os.access(folder, os.W_OK)
    attribute = subprocess.run(["chattr", "+i", folder], capture_output=True)
    if attribute.returncode and not refused:
        pytest.skip("nothing here keeps root from writing: no chattr +i on this file system")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", folder], capture_output=True)
        folder.chmod(0o755)


@pytest.mark.parametrize("command", ["download", "inputs"])
def test_a_folder_that_nobody_may_write_in(refusal, command):
    Path("data/smoke").mkdir(parents=True)
    with read_only(Path("data/smoke")):
        line = refusal(command)
    assert "data/smoke: " in line
    assert "change its permissions" in line


@pytest.mark.parametrize(
    ("command", "path", "make", "said"),
    [
        ("download", "data", Path.touch, "a file lies where a folder is needed"),
        ("inputs", "data/smoke", Path.touch, "a file lies where a folder is needed"),
        ("inputs", "data/smoke/files.yaml", Path.mkdir, "a folder lies where a file is needed"),
        ("download", "data/smoke/source.json", Path.mkdir, "a folder lies where a file"),
        ("radii", "data/smoke/dataset.json", Path.mkdir, "is no file; `cornernet prepare"),
        ("download", "data/smoke", lambda path: path.symlink_to("smoke"), "back to itself"),
    ],
)
def test_the_wrong_kind_of_thing(refusal, command, path, make, said):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    make(Path(path))
    line = refusal(command)
    assert path in line
    assert said in line
    assert os.path.lexists(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("detect", "a.png", "--weights", "pipe", "--out", "found"),
        ("import-weights", "pipe", "--out", "w.safetensors"),
    ],
)
def test_weights_that_are_a_pipe_are_not_waited_for(refusal, arguments):
    os.mkfifo("pipe")
    assert "pipe: " in (line := refusal(*arguments))
    assert "not a regular file" in line


@pytest.mark.parametrize("answer", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_stops_nobody(tmp_path, monkeypatch, answer):
    def refuse(*_):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock", pytest.fail) as first, locked(tmp_path / "lock", pytest.fail):
        assert not first
