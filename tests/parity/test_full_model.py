"""Hourglass-104 against the released code: names, shapes, parameter counts and outputs.

The weights are made by the recipe and go in under the released names.
"""

import json

import numpy as np
import pytest
import torch

from cornernet.config.load import load_params
from cornernet.model.network import CornerNet
from cornernet.model.released import released_name
from parity import recipe
from parity.fixtures import FOLDER, HEADS, Fixture

ARRAYS = Fixture("full_model")
SIZES = ("255x255", "127x383", "511x511")
RELEASED = json.loads((FOLDER / "official_state_dict_keys.json").read_text())


def hourglass_104(merge_kernel):
    """The paper's network on the meta device: shapes without numbers."""
    params = load_params("paper", [f"model.merge_kernel={merge_kernel}"]).model
    with torch.device("meta"):
        return CornerNet(80, params)


@pytest.fixture(scope="module")
def network():
    """Hourglass-104 with the recipe's weights, in test mode."""
    model, salt = hourglass_104(merge_kernel=1), str(ARRAYS["salt"])
    state = {
        name: torch.from_numpy(recipe.parameter(released_name(name), each.shape, salt))
        for name, each in model.state_dict().items()
    }
    model.load_state_dict(state, assign=True)
    return model.eval()


def test_names_shapes_and_types_are_the_released_ones():
    ours = {
        released_name(name): (list(each.shape), str(each.dtype).removeprefix("torch."))
        for name, each in hourglass_104(merge_kernel=1).state_dict().items()
    }
    assert ours == {name: (shape, kind) for name, shape, kind in RELEASED}


@pytest.mark.parametrize(("merge_kernel", "count"), [(1, 201_035_212), (3, 202_083_788)])
def test_parameter_counts(merge_kernel, count):
    parameters = list(hourglass_104(merge_kernel).parameters())
    assert sum(each.numel() for each in parameters) == count
    assert len(parameters) == 588


def test_the_recipe_and_that_no_array_is_left_out():
    """`test_outputs` is slow, so no one run of the tests can find an array that none compares."""
    for name, shape, _ in RELEASED:
        if f"check_{name}" in ARRAYS:
            values = recipe.parameter(name, shape, str(ARRAYS["salt"])).ravel()[:8]
            ARRAYS.check(f"check_{name}", values)
    parts = ("shape", "positions", "values", "stats")
    outputs = {f"{size}_{name}_{part}" for size in SIZES for name in HEADS for part in parts}
    assert all(ARRAYS[key] is not None for key in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_outputs(network, size):
    """Shape, sampled values, mean, spread and largest value of each output."""
    salt = str(ARRAYS["salt"])
    height, width = map(int, size.split("x"))
    with torch.no_grad():
        (last,) = network(torch.from_numpy(recipe.image(height, width, salt)), last_only=True)
    for name, output in zip(HEADS, last, strict=True):
        key, output = f"{size}_{name}", output.double().numpy()
        ARRAYS.check(f"{key}_shape", output.shape)
        places = ARRAYS[f"{key}_positions"]
        ARRAYS.check(f"{key}_positions", recipe.positions(name, output.size, len(places), salt))
        limit = 1e-4 * ARRAYS[f"{key}_stats"][2]  # of the head's largest value
        ARRAYS.check(f"{key}_values", output.ravel()[places], limit)
        stats = output.mean(), output.std(), np.abs(output).max()
        ARRAYS.check(f"{key}_stats", stats, limit)
