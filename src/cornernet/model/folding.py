"""The network as testing runs it: batch norm folded into the convolutions before it.

In evaluation mode batch norm is a factor and a shift for each channel, known beforehand. Multiplied
into the convolution's weights and added as its bias they cost nothing: a pass over every map in
memory is saved. The results differ by rounding alone.
"""

import copy

import torch
from torch import Tensor, nn

from cornernet.model.hourglass import ConvolutionNorm
from cornernet.model.network import CornerNet

CPU_VECTOR = 16  # float32 numbers in the widest vector of a CPU (AVX-512)


def fold_batch_norm(model: CornerNet) -> CornerNet:
    """A copy of `model`, in evaluation mode, whose convolutions do what batch norm did.

    The copy cannot be trained further, and has other tensors than the weights' files. Factors are
    multiplied in float64, so that a weight is rounded once.
    """
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for module in folded.modules():
        if isinstance(module, ConvolutionNorm):
            weight, bias = _folded(module.conv, module.bn)
            module.conv.weight = nn.Parameter(weight, requires_grad=False)
            module.conv.bias = nn.Parameter(bias, requires_grad=False)
            module.bn = nn.Identity()  # type: ignore[assignment]
    return folded


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weights [out, in, k, k] and bias [out] of the convolution and the norm after it."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    with torch.no_grad():
        factor = norm.weight.double() / (variance.double() + norm.eps).sqrt()
        weight = convolution.weight.double() * factor[:, None, None, None]
        bias = norm.bias.double() - mean.double() * factor
    return weight.to(convolution.weight), bias.to(convolution.weight)


def widths_fill_vectors(model: CornerNet) -> bool:
    """Whether every width of the network is a whole number of a CPU's vectors.

    Only then may channels be innermost on a CPU: torch 2.13's kernels write past their buffers
    where a layer has few channels (4, with 127 pixels: the process dies).
    """
    widths = (m.conv.out_channels for m in model.modules() if isinstance(m, ConvolutionNorm))
    return all(width % CPU_VECTOR == 0 for width in widths)
