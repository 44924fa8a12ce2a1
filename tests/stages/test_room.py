"""A disk that is too small: said before training begins, and in one line if it fills up midway."""

import errno
from collections import namedtuple
from pathlib import Path

import pytest

from cornernet.cli import main
from cornernet.commands import status
from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.stages import prepare
from cornernet.stages.prepare import check_room

REPOSITORY_PARAMS = Path(__file__).parents[2] / "params"
Usage = namedtuple("Usage", "total used free")


def test_the_paper_s_models_need_their_room(monkeypatch):
    params = load_params("paper")
    # Five models of 202,083,788 weights: weights, state (three copies), two checkpoints (three each).
    needed = 5 * 202_083_788 * 4 * (1 + 3 + 2 * 3)
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda path: Usage(0, 0, needed - 1))
    with pytest.raises(BadInput, match=r"5 models .* need 40.4 GB, 40.4 GB are free; make room"):
        check_room(params, 80)


def test_the_disk_that_data_is_on_is_measured_and_what_is_there_needs_no_more(
    tmp_path, monkeypatch
):
    """data/ may be a link to another disk; before the first run there may be no data/ at all."""
    measured = []

    def full(path):
        measured.append(path)
        return Usage(0, 0, 0)

    monkeypatch.setattr(prepare.shutil, "disk_usage", full)
    monkeypatch.chdir(tmp_path)
    params = load_params("smoke", folder=REPOSITORY_PARAMS)
    for make in (lambda: None, link_data, lambda: Path("data/smoke").mkdir()):
        make()
        with pytest.raises(BadInput):
            check_room(params, 4)
    assert measured == [Path("."), Path("data"), Path("data/smoke")]
    Path("data/smoke/models").mkdir()
    for variant in params.variants:
        Path(f"data/smoke/models/{variant}-s0.safetensors").touch()
    check_room(params, 4)


def link_data():
    Path("disk").mkdir()
    Path("data").symlink_to("disk")


def test_a_disk_that_fills_up_is_one_line_and_exit_code_2(monkeypatch, capsys):
    def full(options):
        raise OSError(errno.ENOSPC, "No space left on device", "data/x.json")

    monkeypatch.setattr(status, "run", full)
    assert main(["status"]) == 2
    assert "No space left on device; free some space" in capsys.readouterr().err


def test_other_errors_of_the_system_are_not_hidden(monkeypatch):
    def broken(options):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(status, "run", broken)
    with pytest.raises(OSError, match="Input/output"):
        main(["status"])
