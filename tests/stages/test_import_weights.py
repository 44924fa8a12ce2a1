"""`cornernet import-weights`: whatever is wrong with a file is one line each, and nothing is written."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.model.network import CornerNet
from cornernet.model.released import released_name

REPOSITORY = Path(__file__).parents[2]
SETTINGS = ("--profile", "smoke", "--set", "model.merge_kernel=1")
BIAS, WEIGHT = "kps.0.up1.0.bn1.bias", "pre.0.conv.weight"


@pytest.fixture(scope="module")
def state():
    """A whole state dict as the authors saved theirs, of the smallest profile's network."""
    params = load_params("smoke", ["model.merge_kernel=1"], folder=REPOSITORY / "params").model
    torch.manual_seed(0)
    model = CornerNet(4, params)
    return {f"module.{released_name(name)}": each for name, each in model.state_dict().items()}


@pytest.fixture
def place(tmp_path, monkeypatch):
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Runs:
    """Runs a command when unpickled without care."""

    def __reduce__(self):
        return os.system, ("touch was_run",)


def truncated(state, path):
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:4000])


def no_state_dict(state, path):
    torch.save([1, 2, 3], path)


def code(state, path):
    path.write_bytes(pickle.dumps(Runs()))


def code_among_tensors(state, path):
    torch.save(state | {f"module.{WEIGHT}": Runs()}, path, _use_new_zipfile_serialization=False)


def nan(state, path):
    broken = state[f"module.{WEIGHT}"].clone()
    broken.view(-1)[3] = float("nan")
    torch.save(state | {f"module.{WEIGHT}": broken}, path)


def missing(state, path):
    torch.save({name: each for name, each in state.items() if not name.endswith(BIAS)}, path)


def extra(state, path):
    torch.save(state | {"module.pre.9.conv.weight": torch.zeros(1)}, path)


def misshapen(state, path):
    torch.save(state | {f"module.{BIAS}": torch.zeros(5)}, path)


def absent(state, path):
    """No file at all."""


WRONG = {
    truncated: "truncated or not a file of torch",
    no_state_dict: "holds a list, not a state dict of named tensors",
    code: "not a file of torch",
    code_among_tensors: "would run",
    nan: f"NaN or infinite numbers in {WEIGHT}",
    missing: f"lacks {BIAS}",
    extra: "has unknown pre.9.conv.weight",
    misshapen: f"has another shape: {BIAS} is [5], not [8]",
    absent: "no such file",
}


@pytest.mark.parametrize("make", WRONG, ids=lambda make: make.__name__)
def test_a_wrong_file_is_one_line_and_leaves_nothing(place, state, capsys, make):
    make(state, place / "released.pkl")
    before = sorted(place.iterdir())
    command = ["import-weights", "released.pkl", "--out", "models/ours.safetensors", *SETTINGS]
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cornernet import-weights: released.pkl: ")
    assert WRONG[make] in line
    assert sorted(place.iterdir()) == before
    assert not (place / "was_run").exists()


def test_a_whole_file_is_written(place, state, capsys):
    torch.save(state, place / "released.pkl")
    command = ["import-weights", "released.pkl", "--out", "models/ours.safetensors", *SETTINGS]
    assert main(command) == 0
    assert f"{len(state)} tensors under profile smoke" in capsys.readouterr().out
    assert (place / "models/ours.safetensors").is_file()
