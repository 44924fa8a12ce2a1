"""How long a device takes per image, as the authors report it, for `cornernet plan`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# "Around 2 weeks with 10 Titan X" for 500,000 iterations of 49 images, the authors say (issue 67 of
# their repository): of a network whose forward pass in training takes 904.6 GFLOP per image.
AUTHORS_GPU_SECONDS_PER_IMAGE = 14 * 86400 * 10 / (500_000 * 49)
AUTHORS_TEST_SECONDS_PER_IMAGE = 0.244  # section 4.2
AUTHORS_OPERATIONS_PER_IMAGE = 904.63e9


@dataclass(frozen=True)
class Rates:
    """Seconds of one device per image, and where these numbers come from."""

    training: float
    testing: float  # at one scale, the mirrored image included
    source: str
    device: str = "GPU "  # in "GPU hours"; empty for a CPU
    memory: Mapping[int, int] = field(default_factory=dict)  # bytes by the images in a chunk
    memory_source: str = ""


def authors_rates(operations: int) -> Rates:
    """The authors' own, in proportion to a network's operations per training image, forward."""
    share = operations / AUTHORS_OPERATIONS_PER_IMAGE
    return Rates(
        AUTHORS_GPU_SECONDS_PER_IMAGE * share,
        AUTHORS_TEST_SECONDS_PER_IMAGE * share,
        "at the speed of the authors' Titan X (PASCAL), by their own word and section 4.2, in "
        "proportion to the network's operations",
    )
