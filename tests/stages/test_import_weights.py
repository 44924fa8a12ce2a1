"""`cornernet import-weights`: whatever is wrong with a file is one line each, and nothing is written.

What can be wrong with a file is in tests/model/test_released.py.
"""

import shutil
from pathlib import Path

import pytest
import torch

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.model.network import CornerNet
from cornernet.model.weights import released_name

REPOSITORY = Path(__file__).parents[2]
COMMAND = ("import-weights", "released.pkl", "--out", "models/ours.safetensors", "--profile")
SMOKE = (*COMMAND, "smoke", "--set", "model.merge_kernel=1")
WEIGHT = "kps.0.up1.0.bn1.bias"


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A whole state dict as the authors saved theirs, of the smallest profile's network."""
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    model = CornerNet(4, load_params("smoke", ["model.merge_kernel=1"]).model)
    return {f"module.{released_name(name)}": each for name, each in model.state_dict().items()}


def refused(command, capsys):
    before = sorted(Path().iterdir())
    assert main(command) == 2
    assert sorted(Path().iterdir()) == before
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_whole_file_is_written_and_a_wrong_one_is_one_line_and_leaves_nothing(state, capsys):
    assert "import-weights: released.pkl: no such file" in refused(SMOKE, capsys)
    torch.save(state | {f"module.{WEIGHT}": torch.full((8,), torch.nan)}, "released.pkl")
    assert f"released.pkl: NaN or infinite numbers in {WEIGHT}" in refused(SMOKE, capsys)
    torch.save(state, "released.pkl")
    assert "use profile as_run or released" in refused([*COMMAND, "smoke"], capsys)
    assert main(SMOKE) == 0
    assert f"{len(state)} tensors under profile smoke" in capsys.readouterr().out
    assert Path("models/ours.safetensors").is_file()
