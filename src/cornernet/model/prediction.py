"""The prediction modules of section 3.4 (figure 7): corner pooling, then three branches."""

import torch.nn.functional as F
from torch import Tensor, nn

from cornernet.config.schema import Model
from cornernet.model.corner_pooling import Corner, corner_pool
from cornernet.model.hourglass import Convolution, ConvolutionNorm


class CornerPooling(nn.Module):
    """The corner pooling module: two 3x3 convolution modules, then equations 6 and 7.

    With `pool=False` the two maps are added unpooled: the ablation of table 1, "without corner
    pooling but with the same number of parameters".
    """

    def __init__(self, in_channels: int, out_channels: int, corner: Corner, pool: bool) -> None:
        super().__init__()
        self.corner = corner
        self.pool = pool
        self.vertical = Convolution(in_channels, out_channels)
        self.horizontal = Convolution(in_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        vertical, horizontal = self.vertical(features), self.horizontal(features)
        if not self.pool:
            return vertical + horizontal
        return corner_pool(vertical, horizontal, self.corner)


class Branch(nn.Module):
    """Conv-ReLU-Conv (section 3.4): a 3x3 and a 1x1 convolution, both with a bias."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(channels, channels, 3, padding=1)
        self.output = nn.Conv2d(channels, out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.output(F.relu(self.hidden(features), inplace=True))


class PredictionModule(nn.Module):
    """Heatmap logits, embedding and offset of one corner.

    A residual block whose first convolution module is corner pooling, a 3x3 convolution module,
    and a branch for each prediction.
    """

    def __init__(self, num_categories: int, corner: Corner, params: Model) -> None:
        super().__init__()
        channels = params.dims[0]
        self.pooling = CornerPooling(
            channels, params.pool_channels, corner, pool=params.corner_pooling
        )
        self.pooled = ConvolutionNorm(params.pool_channels, channels)
        self.shortcut = ConvolutionNorm(channels, channels, kernel=1)
        self.convolution = Convolution(channels, channels)
        self.heatmap = Branch(channels, num_categories)
        self.embedding = Branch(channels, 1)  # one dimension [section 3.3]
        self.offset = Branch(channels, 2)  # (x, y), shared by all categories [section 3.2]
        # "We follow [23] to set the biases" [section 4.1]: every cell starts as a likely negative.
        assert self.heatmap.output.bias is not None
        nn.init.constant_(self.heatmap.output.bias, params.heatmap_bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features [B, dims[0], H, W] to heatmap logits [B, C, H, W], embedding and offset."""
        pooled = self.pooled(self.pooling(features))
        merged = F.relu(pooled + self.shortcut(features), inplace=True)
        final = self.convolution(merged)
        return self.heatmap(final), self.embedding(final), self.offset(final)
