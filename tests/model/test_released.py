"""Released weights: every form they come in is read, and everything else refused in one line."""

import collections
import os
import pickle
from dataclasses import replace

import pytest
import torch
from model.sizes import TINY

from cornernet.errors import BadInput
from cornernet.model.network import CornerNet
from cornernet.model.released import import_released, released_name

PARAMS = replace(TINY, merge_kernel=1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    model = CornerNet(4, PARAMS)
    model(torch.randn(2, 3, 31, 31))  # running statistics that are not the initial ones
    return model


@pytest.fixture
def state(network):
    """The network's tensors under released names, as torch's state dicts are made."""
    return collections.OrderedDict(
        (released_name(name), each.clone()) for name, each in network.state_dict().items()
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "CornerNet_500000.pkl"


def write(path, state, zipped=True):
    torch.save(state, path, _use_new_zipfile_serialization=zipped)


def refused(path, params=PARAMS):
    with pytest.raises(BadInput) as caught:
        import_released(path, params)
    assert all(str(path) in problem and "\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "torch 0.4"])
@pytest.mark.parametrize(("prefix", "counters"), [("module.", False), ("", True)])
def test_every_form_of_the_file(network, state, path, zipped, prefix, counters):
    kept = collections.OrderedDict(
        (prefix + name, each)
        for name, each in state.items()
        if counters or not name.endswith("num_batches_tracked")
    )
    kept._metadata = collections.OrderedDict({"": {"version": 1}})  # what state_dict() attaches
    write(path, kept, zipped)

    imported = import_released(path, PARAMS)

    expected = network.state_dict()
    assert imported.keys() == expected.keys()
    for name, each in imported.items():
        counter = name.endswith("num_batches_tracked")
        assert each.dtype == expected[name].dtype
        assert torch.equal(each, expected[name] if counters or not counter else torch.tensor(0))


def test_tensors_that_do_not_fit_have_their_released_names(state, path):
    state["pre.9.conv.weight"] = state.pop("pre.0.conv.weight")
    state["kps.0.up1.0.bn1.bias"] = torch.zeros(5)
    state["pre.0.bn.weight"][0] = torch.nan
    write(path, state)
    missing, unknown, misshapen, broken = refused(path)
    assert "lacks pre.0.conv.weight" in missing
    assert "unknown pre.9.conv.weight" in unknown
    assert "kps.0.up1.0.bn1.bias is [5], not [8]" in misshapen
    assert "NaN or infinite numbers in pre.0.bn.weight" in broken


class Runs:
    """Runs a command when unpickled without care."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_not_run(state, path, tmp_path, zipped):
    witness = tmp_path / "was run"
    state["pre.0.conv.weight"] = Runs(f"touch '{witness}'")
    write(path, state, zipped)
    (problem,) = refused(path)
    assert "system" in problem
    path.write_bytes(pickle.dumps(Runs(f"touch '{witness}'")))
    (problem,) = refused(path)
    assert not witness.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.99])
def test_truncated_files(state, path, zipped, kept):
    write(path, state, zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    (problem,) = refused(path)
    assert "download the released file again" in problem


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        {"epoch": 3},
        torch.zeros(3),
        {1: torch.zeros(3)},
        {"a": torch.zeros(2, 2).to_sparse()},
    ],
    ids=str,
)
def test_files_that_hold_no_state_dict(path, content):
    assert "no such file" in refused(path)[0]
    write(path, content)
    (problem,) = refused(path)
    assert "not a state dict" in problem
