"""`small_training` of the ablation without corner pooling."""

from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.record import Result
from cornernet.benchmarks.small_training import trained


def run(conditions: Conditions) -> Result:
    """Train and test the network whose two maps are added unpooled."""
    return trained(conditions, "no_corner_pooling")
