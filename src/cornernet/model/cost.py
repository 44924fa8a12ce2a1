"""What the network costs, from the shapes of its maps: nothing is computed.

Torch is imported when it is asked for: `cornernet plan --help` need not wait for it.
"""

from dataclasses import dataclass, replace
from typing import Any

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
    the same. A batch without images goes through the network, whose weights are never touched;
    torch's meta device does the same, and loads its compiler for it, which takes seconds.
    """
    import torch

    from cornernet.model.network import CornerNet
    from cornernet.model.prediction import CornerPooling

    operations: list[int] = []  # of each convolution
    unseen: list[int] = []  # bytes kept that an empty, unpooled pass does not show
    kept: dict[int, tuple[torch.UntypedStorage, int]] = {}  # held, or an id may come again

    def count(module: torch.nn.Module, inputs: Any, out: Any) -> None:
        if isinstance(module, torch.nn.Conv2d):
            operations.append(2 * module.weight.numel() * out.shape[2:].numel())
        elif isinstance(module, torch.nn.BatchNorm2d):
            unseen.append(4 * BYTES * module.num_features)  # of mean and variance, twice
        elif isinstance(module, CornerPooling) and params.corner_pooling:
            unseen.append(2 * out.shape[1:].numel())  # which elements are maxima, as bool

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage, shape = tensor.untyped_storage(), tensor.shape
        size = storage.nbytes() or shape[1:].numel() * tensor.element_size()
        kept[id(storage)] = storage, size
        return tensor

    with torch.device("meta"):  # unpooled: pooling refuses empty maps
        network = CornerNet(num_categories, replace(params, corner_pooling=False)).train()
    tensors = network.state_dict().items()
    empty = {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in tensors}
    network.load_state_dict(empty, assign=True)
    for module in network.modules():
        module.register_forward_hook(count)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _outputs = network(torch.empty(0, 3, input_size, input_size), last_only=last_only)
    own = {id(parameter.untyped_storage()) for parameter in network.parameters()}
    return Cost(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        operations=sum(operations),
        activations=sum(unseen) + sum(size for key, (_, size) in kept.items() if key not in own),
    )
