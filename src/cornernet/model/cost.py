"""What the network costs, counted by torch on a network without memory.

Torch is imported when it is asked for: `cornernet plan --help` need not wait for it.
"""

from dataclasses import dataclass

from cornernet.config.schema import Model

BYTES = 4  # of a float32
COPIES = 4  # of the parameters while training: weights, gradients, Adam's two moments


@dataclass(frozen=True)
class Cost:
    """Learned parameters, and what one forward pass of one image takes in training."""

    parameters: int
    operations: int  # of convolutions; a multiplication and an addition are two
    activations: int  # bytes that are kept for the backward pass, in float32

    def training_memory(self, images: int) -> int:
        """Bytes that training on a chunk of `images` images holds at least, in float32.

        Weights, gradients, Adam's moments and activations; temporary memory of kernels is on top.
        """
        return COPIES * BYTES * self.parameters + images * self.activations


def network_cost(params: Model, num_categories: int, input_size: int, last_only: bool) -> Cost:
    """Cost of the network on a square image of `input_size` pixels.

    With `last_only` the heads of earlier stacks do not run (testing); their parameters count all
    the same. On torch's meta device: shapes are followed, nothing is computed or allocated.
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
        network = CornerNet(num_categories, params).train()
        image = torch.empty(1, 3, input_size, input_size)
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, FlopCounterMode(display=False) as counter:
        _outputs = network(image, last_only=last_only)  # named, or what the graph kept is freed
    own = {id(parameter.untyped_storage()) for parameter in network.parameters()}
    return Cost(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        operations=counter.get_total_flops(),
        activations=sum(storage.nbytes() for key, storage in kept.items() if key not in own),
    )
