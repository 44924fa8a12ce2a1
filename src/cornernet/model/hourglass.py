"""The hourglass backbone of section 3.5 and the convolutions that everything is built of.

Feature maps are [B, C, H, W], in cells. No layer before a batch norm has a bias.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CPU_VECTOR = 16  # float32 numbers in the widest vector of a CPU (AVX-512)


class ConvolutionNorm(nn.Module):
    """Conv-BN: a convolution without bias, padded to keep the size, then batch norm."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding=(kernel - 1) // 2, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.bn(self.conv(features))


class Convolution(ConvolutionNorm):
    """The paper's convolution module (footnote 1): convolution, batch norm, ReLU."""

    def forward(self, features: Tensor) -> Tensor:
        # In place: batch norm's gradient needs its input, ReLU's its output.
        return F.relu(super().forward(features), inplace=True)


class Residual(nn.Module):
    """Residual module: two 3x3 convolutions and a skip connection, added before the last ReLU.

    The skip connection is the identity, or a 1x1 Conv-BN where size or channels change.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = Convolution(in_channels, out_channels, stride=stride)
        self.second = ConvolutionNorm(out_channels, out_channels)
        self.shortcut = (
            ConvolutionNorm(in_channels, out_channels, kernel=1, stride=stride)
            if stride != 1 or in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.second(self.first(features)) + self.shortcut(features), inplace=True)


def residuals(channels: int, count: int) -> list[nn.Module]:
    """`count` residual modules that keep size and channels."""
    return [Residual(channels, channels) for _ in range(count)]


class Hourglass(nn.Module):
    """One resolution of an hourglass, with the coarser ones inside it (section 3.5).

    The map is halved by a residual module of stride 2 instead of max pooling, goes through the
    coarser resolutions (or, in the middle, `modules[-1]` residual modules), and is enlarged again
    by nearest neighbours; what the skip connection of residual modules kept is added.

    `dims` are the channels, `modules` the residual modules at this resolution and at each coarser
    one; two or more.
    """

    def __init__(self, dims: Sequence[int], modules: Sequence[int]) -> None:
        super().__init__()
        here, coarser, count = dims[0], dims[1], modules[0]
        self.skip = nn.Sequential(*residuals(here, count))
        self.down = nn.Sequential(Residual(here, coarser, stride=2), *residuals(coarser, count - 1))
        self.inner: nn.Module = (
            Hourglass(dims[1:], modules[1:])
            if len(dims) > 2
            else nn.Sequential(*residuals(coarser, modules[1]))
        )
        self.up = nn.Sequential(*residuals(coarser, count - 1), Residual(coarser, here))

    def forward(self, features: Tensor) -> Tensor:
        """[B, dims[0], H, W] -> the same; H and W must be multiples of 2^(len(dims) - 1)."""
        kept = self.skip(features)
        coarse = self.up(self.inner(self.down(features)))  # [B, dims[0], H / 2, W / 2]
        return add_enlarged(kept, coarse)


def add_enlarged(kept: Tensor, coarse: Tensor) -> Tensor:
    """`kept` [B, C, 2h, 2w] plus `coarse` [B, C, h, w], enlarged by nearest neighbours.

    `interpolate` is the faster form where nothing is compiled, for it has a gradient kernel of its
    own. A compiler would turn that gradient into scattered additions of single elements, 21 million
    for the finest map of a chunk, which PyTorch sorts first if their order must be fixed. So it is
    given blocks of 2 x 2 cells, whose gradient is a sum of four.
    """
    if not torch.compiler.is_compiling():
        return kept + F.interpolate(coarse, scale_factor=2, mode="nearest")
    batch, channels, height, width = coarse.shape
    blocks = kept.view(batch, channels, height, 2, width, 2) + coarse[:, :, :, None, :, None]
    return blocks.reshape(kept.shape)


def fill_vectors(widths: Iterable[int]) -> bool:
    """Whether all widths (channels of a network's maps) are whole numbers of a CPU's vectors.

    Only then may channels be innermost on a CPU: torch 2.13's kernels write past their buffers
    where a layer has few channels (4, with 127 pixels: the process dies).
    """
    return all(width % CPU_VECTOR == 0 for width in widths)
