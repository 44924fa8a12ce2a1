"""How maps may lie in memory."""

from torch import nn

from cornernet.model.hourglass import ConvolutionNorm

CPU_VECTOR = 16  # float32 numbers in the widest vector of a CPU (AVX-512)


def widths_fill_vectors(network: nn.Module) -> bool:
    """Whether every width of the network is a whole number of a CPU's vectors.

    Only then may channels be innermost on a CPU: torch 2.13's kernels write past their buffers
    where a layer has few channels (4, with 127 pixels: the process dies).
    """
    widths = (m.conv.out_channels for m in network.modules() if isinstance(m, ConvolutionNorm))
    return all(width % CPU_VECTOR == 0 for width in widths)
