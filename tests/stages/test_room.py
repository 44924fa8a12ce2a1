"""A disk that is too small: said before training begins, and in one line if it fills up midway."""

import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cornernet.cli import main
from cornernet.commands import status
from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.stages.prepare import check_room

PARAMS = Path(__file__).parents[2] / "params"
Usage = namedtuple("Usage", "total used free")


def test_the_paper_s_models_need_their_room(monkeypatch):
    # Five models of 202,083,788 weights: weights, state (three copies), two checkpoints (three each).
    needed = 5 * 202_083_788 * 4 * (1 + 3 + 2 * 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, needed - 1))
    with pytest.raises(BadInput, match=r"5 models .* need 40.4 GB, 40.4 GB are free; make room"):
        check_room(load_params("paper", folder=PARAMS), 80)


def test_the_disk_that_data_is_on_is_measured_and_what_is_there_needs_no_more(
    tmp_path, monkeypatch, capsys
):
    """data/ may be a link to another disk; before the first run there may be no data/ at all."""
    full = {tmp_path: Usage(0, 0, 0), tmp_path / "disk": Usage(0, 0, 1000)}
    monkeypatch.setattr(shutil, "disk_usage", full.__getitem__)
    monkeypatch.chdir(tmp_path)
    params = load_params("smoke", folder=PARAMS)
    with pytest.raises(BadInput, match=r"0\.0 GB are free"):
        check_room(params, 4)
    Path("disk").mkdir()
    Path("data").symlink_to("disk")
    assert main(["plan", "--profile", "smoke", "--no-measure"]) == 0
    assert "free on the disk of data/smoke/: 0.0 MiB" in capsys.readouterr().out
    full[tmp_path / "disk/smoke/models"] = full[tmp_path / "disk/smoke"] = Usage(0, 0, 0)
    Path("data/smoke/models").mkdir(parents=True)
    with pytest.raises(BadInput):
        check_room(params, 4)
    for variant in params.variants:
        Path(f"data/smoke/models/{variant}-s0.safetensors").touch()
    check_room(params, 4)


def test_of_what_the_system_refuses_a_full_disk_is_one_line_and_nothing_else_is_hidden(
    monkeypatch, capsys
):
    errors = iter([errno.ENOSPC, errno.EIO])

    def failing(options):
        raise OSError(next(errors), "No space left on device", "data/x.json")

    monkeypatch.setattr(status, "run", failing)
    assert main(["status"]) == 2
    assert "No space left on device; free some space" in capsys.readouterr().err
    with pytest.raises(OSError, match="No space"):
        main(["status"])
