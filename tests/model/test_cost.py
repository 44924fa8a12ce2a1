"""The cost that `plan` prints: the numbers of the text and of the released code."""

import subprocess
import sys

import pytest

from cornernet.config import load_params
from cornernet.model.cost import network_cost


@pytest.mark.parametrize(
    ("profile", "last_only", "parameters", "operations"),
    [
        ("paper", False, 202_083_788, 938_992_467_968),
        ("as_run", False, 201_035_212, 904_632_729_600),  # as measured on the released code
        ("as_run", True, 201_035_212, 686_344_372_224),  # likewise
    ],
)
def test_hourglass_104(profile, last_only, parameters, operations):
    cost = network_cost(load_params(profile).model, 80, 511, last_only)
    assert (cost.parameters, cost.operations) == (parameters, operations)


def test_torch_is_not_imported_before_it_is_needed():
    command = "import sys, cornernet.model.cost; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0
