"""Hourglass-104 against the released code: names, shapes, parameter counts and outputs.

The weights are made by the recipe and go in under the released names.
"""

import numpy as np
import pytest
import torch

from cornernet.config.load import load_params
from cornernet.model.network import CornerNet
from cornernet.model.released import released_name
from parity import recipe
from parity.fixtures import compared, load, load_json, used

FILE = "full_model"
HEADS = ("tl_heat", "br_heat", "tl_tag", "br_tag", "tl_regr", "br_regr")
SIZES = ("255x255", "127x383", "511x511")
LIMIT = 1e-4  # of a head's largest value


def hourglass_104(merge_kernel):
    """The paper's network on the meta device: shapes without numbers."""
    params = load_params("paper", [f"model.merge_kernel={merge_kernel}"]).model
    with torch.device("meta"):
        return CornerNet(80, params)


@pytest.fixture(scope="module")
def network():
    """Hourglass-104 with the recipe's weights, in test mode."""
    salt = str(load(FILE)["salt"])
    used(FILE, "salt")
    model = hourglass_104(merge_kernel=1)
    state = {
        name: torch.from_numpy(recipe.parameter(released_name(name), each.shape, salt))
        for name, each in model.state_dict().items()
    }
    model.load_state_dict(state, assign=True)
    return model.eval()


def test_names_shapes_and_types_are_the_released_ones():
    released = {name: (tuple(shape), kind) for name, shape, kind in load_json_keys()}
    ours = {
        released_name(name): (tuple(each.shape), str(each.dtype).removeprefix("torch."))
        for name, each in hourglass_104(merge_kernel=1).state_dict().items()
    }
    assert ours == released


def load_json_keys():
    return load_json("official_state_dict_keys")


@pytest.mark.parametrize(("merge_kernel", "count"), [(1, 201_035_212), (3, 202_083_788)])
def test_parameter_counts(merge_kernel, count):
    parameters = list(hourglass_104(merge_kernel).parameters())
    assert sum(each.numel() for each in parameters) == count
    assert len(parameters) == 588


def test_the_recipe():
    arrays = load(FILE)
    used(FILE, "salt")
    shapes = {name: shape for name, shape, _ in load_json_keys()}
    for key in arrays:
        if key.startswith("check_"):
            name = key.removeprefix("check_")
            values = recipe.parameter(name, shapes[name], str(arrays["salt"])).ravel()[:8]
            compared(FILE, key, np.abs(values - arrays[key]).max())
            assert np.array_equal(values, arrays[key])


def test_no_array_is_left_out():
    """`test_outputs` is slow, so no one run of the tests can find an array that none compares."""
    parts = ("shape", "positions", "values", "stats")
    outputs = {f"{size}_{name}_{part}" for size in SIZES for name in HEADS for part in parts}
    others = {key for key in load(FILE) if key.startswith("check_")} | {"salt"}
    assert set(load(FILE)) == outputs | others


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_outputs(network, size):
    arrays = load(FILE)
    salt = str(arrays["salt"])
    height, width = map(int, size.split("x"))
    with torch.no_grad():
        (last,) = network(torch.from_numpy(recipe.image(height, width, salt)), last_only=True)
    for name, output in zip(HEADS, last, strict=True):
        check_head(arrays, f"{size}_{name}", name, output.numpy(), salt)


def check_head(arrays, key, name, output, salt):
    """Shape, sampled values, mean, spread and largest value of one output."""
    assert output.shape == tuple(arrays[f"{key}_shape"])
    compared(FILE, f"{key}_shape", 0)
    places = arrays[f"{key}_positions"]
    assert np.array_equal(places, recipe.positions(name, output.size, len(places), salt))
    compared(FILE, f"{key}_positions", 0)
    largest = arrays[f"{key}_stats"][2]
    values = np.abs(output.ravel()[places] - arrays[f"{key}_values"]).max() / largest
    compared(FILE, f"{key}_values", values)
    double = output.astype(np.float64)
    stats = np.array([double.mean(), double.std(), np.abs(double).max()])
    spread = np.abs(stats - arrays[f"{key}_stats"]).max() / largest
    compared(FILE, f"{key}_stats", spread)
    assert max(values, spread) <= LIMIT, f"{key}: off by {max(values, spread):.2g}"
