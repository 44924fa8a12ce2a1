"""The cost that `plan` prints: the numbers of the text and of the released code."""

import pytest

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
    cost = network_cost(load_params(profile).model, 80, 511, last_only)
    assert (cost.parameters, cost.operations) == (parameters, operations)
