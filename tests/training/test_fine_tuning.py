"""A training that starts from weights of other categories: what is taken, told, and refused."""

import re
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file
from training.tiny import CATEGORIES, tiny_files, tiny_params, train_tiny, train_until_killed

from cornernet.errors import BadInput
from cornernet.model.network import CornerNet
from cornernet.model.weights import read_metadata, save_weights
from cornernet.training.state import load_state


def weights(path, params, categories=5):
    torch.manual_seed(3)
    description = {"model": asdict(params.model)}
    save_weights(path, CornerNet(categories, params.model).state_dict(), description)
    return f"train.init={path}"


@pytest.fixture
def init(tmp_path, data):
    """The override that names weights of five categories."""
    return weights(tmp_path / "five.safetensors", tiny_params(data))


@pytest.mark.parametrize("adds", ["false", "true"])
def test_all_but_what_depends_on_the_categories_is_taken(tmp_path, data, adds, capsys):
    more = (f"model.add_predictions={adds}", "train.checkpoint_every=12")
    init = weights(tmp_path / "five.safetensors", tiny_params(data, *more))
    params = tiny_params(data, *more, init)
    train_until_killed(tmp_path, params, 3)
    began = load_state(tmp_path / "checkpoints" / "iteration-00000000.pt")
    torch.manual_seed(0)  # the job's seed
    untrained = CornerNet(CATEGORIES, params.model).state_dict()
    assert torch.equal(began.random, torch.get_rng_state())
    taken = load_file(tmp_path / "five.safetensors")
    anew = {name for name in untrained if torch.equal(began.model[name], untrained[name])}
    drawn = ("heatmap", "from_predictions")
    for name, tensor in began.model.items():
        if any(part in name for part in drawn):
            assert name in anew, name
        else:
            assert torch.equal(tensor, taken[name]), name
    parts = {name.rsplit(".", 2)[0] for name in began.model if any(p in name for p in drawn)}
    (line,) = (one for one in capsys.readouterr().err.splitlines() if "drawn at random" in one)
    assert "five.safetensors (5 categories): " in line
    assert {*line.partition("for 2 categories: ")[2].split(", ")} == parts


def test_a_killed_one_ends_as_if_nothing_had_happened(tmp_path, data, init):
    params = tiny_params(data, init)
    train_tiny(tmp_path / "whole", params)
    wanted = tiny_files(tmp_path / "whole")
    for last in (3, 6):  # before the first checkpoint that is written on the way, and after
        train_until_killed(tmp_path / "killed", params, last)
    assert train_tiny(tmp_path / "killed", params).started_from == 4
    found = tiny_files(tmp_path / "killed")
    assert found.weights.read_bytes() == wanted.weights.read_bytes()
    assert found.state.read_bytes() == wanted.state.read_bytes()
    train_tiny(tmp_path / "untrained", tiny_params(data))
    assert tiny_files(tmp_path / "untrained").weights.read_bytes() != wanted.weights.read_bytes()


DIFFERENT = (
    "model.stacks: 1 -> 2, model.dims: [4, 6, 8] -> [4, 6], model.modules: [1, 1, 1] -> [1, 1]"
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("other network", f"weights of another network ({DIFFERENT})"),
        ("no weights", "five.safetensors: not a weights file"),
        ("other weights", "five.safetensors: not weights of CornerNet"),
        ("nothing", "five.safetensors: no such file"),
        ("broken", "NaN or infinite numbers in stem.0.conv.weight"),
    ],
)  # fmt: skip
def test_what_cannot_be_started_from_is_refused_in_a_line(tmp_path, data, init, content, said):
    path = tmp_path / "five.safetensors"
    if content == "other network":
        sizes = ("model.dims=[4, 6, 8]", "model.modules=[1, 1, 1]", "model.stacks=1")
        weights(path, tiny_params(data, *sizes))
    elif content == "other weights":
        save_weights(path, {"layer.weight": torch.zeros(2)})
    elif content == "broken":
        tensors = load_file(path)
        tensors["stem.0.conv.weight"][0, 0, 0, 0] = float("nan")
        save_weights(path, tensors, read_metadata(path))
    elif content == "no weights":
        path.write_bytes(b"not weights")
    else:
        path.unlink()
    with pytest.raises(BadInput, match=re.escape(said)) as caught:
        train_tiny(tmp_path / "refused", tiny_params(data, init))
    assert len(caught.value.problems) == 1
    assert not tiny_files(tmp_path / "refused").weights.exists()
