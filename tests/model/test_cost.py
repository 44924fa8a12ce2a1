"""The cost that `plan` counts is that of the network that is built."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cornernet.config import load_params
from cornernet.model.cost import network_cost
from cornernet.model.network import CornerNet


@pytest.mark.parametrize(("merge", "expected"), [(3, 202_083_788), (1, 201_035_212)])
def test_parameters_of_hourglass_104(merge, expected):
    model = load_params("paper", [f"model.merge_kernel={merge}"]).model
    assert network_cost(model, 80, 511, last_only=False).parameters == expected


def test_operations_of_hourglass_104_as_measured_on_the_released_code():
    model = load_params("as_run").model
    assert network_cost(model, 80, 511, last_only=True).operations == pytest.approx(
        686.34e9, rel=1e-4
    )
    assert network_cost(model, 80, 511, last_only=False).operations == pytest.approx(
        904.63e9, rel=1e-4
    )


@pytest.mark.parametrize("profile", ["demo", "smoke"])
@pytest.mark.parametrize("last_only", [False, True])
def test_cost_is_that_of_the_built_network(profile, last_only):
    params = load_params(profile)
    size = params.augmentation.input_size
    network = CornerNet(5, params.model).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, size, size), last_only=last_only)
    cost = network_cost(params.model, 5, size, last_only)
    assert cost.operations == counter.get_total_flops()
    assert cost.parameters == sum(p.numel() for p in network.parameters())
