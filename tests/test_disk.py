"""What the disk refuses is one line and exit code 2, at whichever path it happens."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from cornernet.cli import main

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
        assert main([*arguments, "--profile", "smoke"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"cornernet {arguments[0]}: ")
        return line

    return of


@contextmanager
def read_only(folder):
    """A folder in which nobody may write, root neither."""
    attribute = ["chattr", "+i", folder]
    if os.geteuid() and not (Path(folder).chmod(0o555) or os.access(folder, os.W_OK)):
        attribute = ["true"]
    elif subprocess.run(attribute, capture_output=True).returncode:
        pytest.skip("nothing here keeps root from writing: chattr +i is not supported")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", folder], capture_output=True)
        Path(folder).chmod(0o755)


@pytest.mark.parametrize("command", ["download", "inputs"])
def test_a_folder_that_nobody_may_write_in(refusal, command):
    Path("data/smoke").mkdir(parents=True)
    with read_only("data/smoke"):
        line = refusal(command)
    assert "data/smoke: " in line
    assert "change its permissions" in line


@pytest.mark.parametrize("command", ["download", "inputs"])
@pytest.mark.parametrize("path", ["data", "data/smoke"])
def test_a_file_where_a_folder_should_be(refusal, command, path):
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("mine")
    assert f"{path}" in (line := refusal(command))
    assert "a file lies where a folder is needed" in line
    assert Path(path).read_text() == "mine"


@pytest.mark.parametrize("command", ["download", "inputs"])
def test_a_link_that_leads_to_itself(refusal, command):
    Path("data").mkdir()
    Path("data/smoke").symlink_to("smoke")
    assert "data/smoke: " in refusal(command)


@pytest.mark.parametrize(
    ("command", "path"),
    [("download", "data/smoke/source.json"), ("inputs", "data/smoke/params/tables.yaml")],
)
def test_a_folder_where_a_file_should_be(refusal, command, path):
    Path(path).mkdir(parents=True)
    (Path(path) / "mine").touch()
    line = refusal(command)
    assert f"{path}: " in line
    assert "a folder lies where a file is needed" in line
    assert (Path(path) / "mine").exists()


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
