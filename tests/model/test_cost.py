"""The cost that `plan` prints: the numbers of the text and of the released code."""

import pytest
import torch
from model.sizes import TINY, tiny_network

from cornernet.config import load_params
from cornernet.model.cost import network_cost


@pytest.mark.parametrize(
    ("profile", "last_only", "parameters", "operations"),
    [
        ("paper", False, 202_083_788, 938_992_467_968),
        ("as_run", True, 201_035_212, 686_344_372_224),  # as measured on the released code
    ],
)
def test_hourglass_104(profile, last_only, parameters, operations):
    cost = network_cost(load_params(profile).model, 80, (511, 511), last_only)
    assert (cost.parameters, cost.operations) == (parameters, operations)


@pytest.mark.parametrize("images", [1, 4])
def test_training_memory_is_that_of_a_real_forward_pass(images):
    """Counted on the CPU by address: every tensor that the backward pass will need, once."""
    network = tiny_network().train()
    own = {parameter.data_ptr() for parameter in network.parameters()}
    sizes, alive = {}, []

    def keep(tensor):
        alive.append(tensor)
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.zeros(images, 3, 127, 127))
    cost = network_cost(TINY, 3, (127, 127), last_only=False)
    kept = sum(size for address, size in sizes.items() if address not in own)
    # batch norm keeps the statistics of a chunk once, whatever its size
    assert cost.training_memory(images) == pytest.approx(16 * cost.parameters + kept, rel=0.01)
