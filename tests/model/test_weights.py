"""Our own weight files: round trip, bytes, and one clear line for every mismatch."""

import pytest
import torch
from model.sizes import tiny_network as network
from safetensors.torch import load_file, save_file

from cornernet.errors import BadInput
from cornernet.model.weights import load_weights, num_categories, save_weights


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "models" / "baseline-s0.safetensors"
    save_weights(path, network().state_dict())
    return path


def refused(path, model):
    """The problems of a refused file, one line each; the model must be as before."""
    before = {name: each.clone() for name, each in model.state_dict().items()}
    with pytest.raises(BadInput) as caught:
        load_weights(path, model)
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert all(str(path) in problem and "\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


def test_round_trip_of_parameters_and_running_statistics(path):
    trained = network()
    trained(torch.randn(2, 3, 31, 31))  # moves the running statistics
    save_weights(path, trained.state_dict())
    loaded = network(seed=5)
    load_weights(path, loaded)
    for ours, theirs in zip(loaded.state_dict().items(), trained.state_dict().items(), strict=True):
        assert ours[0] == theirs[0]
        assert torch.equal(ours[1], theirs[1])
    assert num_categories(path) == 3


def test_bytes_depend_on_the_tensors_alone(path, tmp_path):
    again = tmp_path / "again.safetensors"
    save_weights(again, network().to(memory_format=torch.channels_last).state_dict())
    assert again.read_bytes() == path.read_bytes()
    other = tmp_path / "other.safetensors"
    save_weights(other, network(seed=1).state_dict())
    assert other.read_bytes() != path.read_bytes()


def test_tensors_of_another_network_and_broken_ones(path):
    tensors = load_file(path)
    del tensors["stem.0.bn.weight"]
    tensors["anchors"] = torch.zeros(3)
    tensors["stem.0.conv.weight"][0, 0, 0, 0] = float("nan")
    save_file(tensors, path)
    lacks, unknown, misshapen, broken = refused(path, network(merge_kernel=1))
    assert "lacks stem.0.bn.weight" in lacks
    assert "unknown anchors" in unknown
    assert "merges.0.from_input.conv.weight is [8, 8, 3, 3], not [8, 8, 1, 1]" in misshapen
    assert "NaN or infinite numbers in stem.0.conv.weight" in broken
    lacks, *_ = refused(path, network(dims=(8, 8, 12, 12), modules=(2, 1, 2, 1)))
    assert lacks.count(",") == 5
    assert ", ...; get the weights again" in lacks


@pytest.mark.parametrize("content", [b"", b"not a weights file", "truncated", "folder", "none"])
def test_files_that_hold_no_weights(path, content):
    whole = path.read_bytes()
    path.unlink()
    if content == "folder":
        path.mkdir()
    elif content != "none":
        path.write_bytes(whole[:-100] if content == "truncated" else content)
    reason = "no such file" if content == "none" else "not a weights file"
    (problem,) = refused(path, network())
    assert reason in problem
    with pytest.raises(BadInput, match=reason):
        num_categories(path)
    other = path.parents[1] / "of_something_else.safetensors"
    save_file({"layer.weight": torch.zeros(2)}, other)
    with pytest.raises(BadInput, match="not weights of CornerNet"):
        num_categories(other)
