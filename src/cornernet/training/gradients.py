"""Where a network's gradients lie, and how those of a chunk are added to them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FlatGradients:
    """All gradients of a model in one vector, of which each `.grad` is a view.

    Cleared, and summed over processes, in one operation.
    """

    # In elements: kernels that handle many tensors at once want each to start on 16 bytes or more.
    ALIGNMENT = 64

    def __init__(self, model: nn.Module) -> None:
        parameters = [p for p in model.parameters() if p.requires_grad]
        starts, length = [], 0
        for parameter in parameters:
            starts.append(length)
            length += -(-parameter.numel() // self.ALIGNMENT) * self.ALIGNMENT
        first = parameters[0]
        self.vector = torch.zeros(length, dtype=first.dtype, device=first.device)
        for parameter, start in zip(parameters, starts, strict=True):
            # The parameter's own strides (channels-last ones too), so that Adam need not reorder.
            parameter.grad = self.vector.as_strided(parameter.shape, parameter.stride(), start)

    def clear(self) -> None:
        """Set every gradient to zero."""
        self.vector.zero_()


def add_gradients(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    """Gradient accumulation: add to each `.grad`, in as few GPU kernels as possible.

    `backward()` launches one kernel per parameter: a thousand launches, which take a GPU longer
    than the additions themselves.
    """
    sums, terms = [], []
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if parameter.grad is None:
            parameter.grad = gradient
        elif parameter.grad.stride() == gradient.stride():
            sums.append(parameter.grad)
            terms.append(gradient)
        else:  # torch would then add all of them one by one
            parameter.grad.add_(gradient)
    if sums:
        torch._foreach_add_(sums, terms)
