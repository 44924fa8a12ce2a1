"""Parameters and operations of the network, counted by torch on a network without memory.

Torch is imported when they are asked for: `cornernet plan --help` need not wait for it.
"""

from dataclasses import dataclass

from cornernet.config.schema import Model

BYTES = 4  # of a float32


@dataclass(frozen=True)
class Cost:
    """Learned parameters, and floating-point operations of one forward pass of one image."""

    parameters: int
    operations: int  # of convolutions; a multiplication and an addition are two


def network_cost(params: Model, num_categories: int, input_size: int, last_only: bool) -> Cost:
    """Cost of the network on a square image of `input_size` pixels.

    With `last_only` the heads of earlier stacks do not run (testing); their parameters count all
    the same. On torch's meta device: shapes are followed, nothing is computed or allocated.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cornernet.model.network import CornerNet

    with torch.device("meta"):
        network = CornerNet(num_categories, params).eval()
        image = torch.empty(1, 3, input_size, input_size)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image, last_only=last_only)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(parameters, counter.get_total_flops())
