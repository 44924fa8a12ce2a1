"""What the network costs, from the shapes of its maps: nothing is computed.

Torch is imported when it is asked for: `cornernet plan --help` need not wait for it.
"""

from dataclasses import dataclass

from cornernet.config.schema import Model

BYTES = 4  # of a float32


@dataclass(frozen=True)
class Cost:
    """Learned parameters, and what one forward pass of one image takes in training."""

    parameters: int
    operations: int  # of convolutions; a multiplication and an addition are two
    activations: int  # bytes that are kept for the backward pass, in float32

    def training_memory(self, images: int) -> int:
        """Bytes that training on `images` images holds, but for temporary memory of kernels."""
        # Of the parameters there are weights, gradients and Adam's two moments.
        return 4 * BYTES * self.parameters + images * self.activations


def network_cost(
    params: Model, num_categories: int, size: tuple[int, int], last_only: bool
) -> Cost:
    """Cost of the network on an image of `size`, height and width in pixels.

    With `last_only` the heads of earlier stacks do not run (testing); their parameters count all
    the same. The network runs on torch's meta device, which knows shapes alone.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cornernet.model.network import CornerNet

    kept: dict[int, torch.UntypedStorage] = {}  # held, or an id may come again

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[id(storage)] = storage
        return tensor

    with torch.device("meta"):
        network, image = CornerNet(num_categories, params).train(), torch.empty(1, 3, *size)
    keeping = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with FlopCounterMode(display=False) as counter, keeping:
        _outputs = network(image, last_only=last_only)
    own = {id(parameter.untyped_storage()) for parameter in network.parameters()}
    return Cost(
        parameters=parameter_count(params, num_categories),
        operations=counter.get_total_flops(),
        activations=sum(held.nbytes() for key, held in kept.items() if key not in own),
    )


def parameter_count(params: Model, num_categories: int) -> int:
    """The number of the network's learned parameters."""
    import torch

    from cornernet.model.network import CornerNet

    with torch.device("meta"):
        network = CornerNet(num_categories, params)
    return sum(parameter.numel() for parameter in network.parameters())
