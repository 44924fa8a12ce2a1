"""CornerNet (figure 4): stem, stacked hourglasses, and two prediction modules after each.

A prediction module (section 3.4, figure 7) is corner pooling and then three branches.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cornernet.config.schema import Model
from cornernet.model.corner_pooling import Corner, corner_pool
from cornernet.model.hourglass import Convolution, ConvolutionNorm, Hourglass, Residual


class CornerOutputs(NamedTuple):
    """What one stack predicts for top-left (tl) and bottom-right (br) corners.

    H x W cells, four pixels each. Heatmaps are logits: the score is their sigmoid.
    """

    tl_heat: Tensor  # [B, C, H, W]
    br_heat: Tensor  # [B, C, H, W]
    tl_embedding: Tensor  # [B, 1, H, W]
    br_embedding: Tensor  # [B, 1, H, W]
    tl_offset: Tensor  # [B, 2, H, W], (x, y) in cells
    br_offset: Tensor  # [B, 2, H, W]


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


class Merge(nn.Module):
    """Input and output of one hourglass make the input of the next (section 3.5).

    A Conv-BN on each, an element-wise addition, ReLU and a residual block. The paper does "not add
    back the intermediate predictions"; with `predictions` channels of them, they are added by a
    1x1 Conv-BN, as in the reference that it departs from.
    """

    def __init__(self, channels: int, kernel: int, predictions: int = 0) -> None:
        super().__init__()
        self.from_input = ConvolutionNorm(channels, channels, kernel)
        self.from_output = ConvolutionNorm(channels, channels, kernel)
        self.residual = Residual(channels, channels)
        if predictions:
            self.from_predictions = ConvolutionNorm(predictions, channels, kernel=1)

    def forward(self, before: Tensor, after: Tensor, predicted: Sequence[Tensor] = ()) -> Tensor:
        merged = self.from_input(before) + self.from_output(after)
        if predicted:
            merged = merged + self.from_predictions(torch.cat(tuple(predicted), dim=1))
        return self.residual(F.relu(merged, inplace=True))


class CornerNet(nn.Module):
    """The whole network; its weights come from torch's global random state, by torch's defaults.

    The heatmaps have `num_categories` channels; the params of `params/paper.yaml` give
    Hourglass-104.
    """

    def __init__(self, num_categories: int, params: Model) -> None:
        super().__init__()
        if num_categories < 1:
            raise ValueError(f"num_categories: must be at least 1, not {num_categories}")
        channels, stacks = params.dims[0], params.stacks
        self.size_multiple = params.size_multiple
        self.stem = nn.Sequential(  # [B, 3, h, w] -> [B, dims[0], h / 4, w / 4]
            Convolution(3, params.stem_channels, kernel=7, stride=2),
            Residual(params.stem_channels, channels, stride=2),
        )
        self.hourglasses = nn.ModuleList(
            Hourglass(params.dims, params.modules) for _ in range(stacks)
        )
        # A 3x3 convolution module between each hourglass and its predictions [code kp.py:109-111].
        self.features = nn.ModuleList(Convolution(channels, channels) for _ in range(stacks))
        self.adds_predictions = params.add_predictions
        predictions = 2 * (num_categories + 1 + 2) if params.add_predictions else 0
        self.merges = nn.ModuleList(
            Merge(channels, params.merge_kernel, predictions) for _ in range(stacks - 1)
        )
        self.top_left = nn.ModuleList(
            PredictionModule(num_categories, "top_left", params) for _ in range(stacks)
        )
        self.bottom_right = nn.ModuleList(
            PredictionModule(num_categories, "bottom_right", params) for _ in range(stacks)
        )
        if params.batch_norm_weight == "uniform":
            self._draw_batch_norm_weights()

    def _draw_batch_norm_weights(self) -> None:
        """Gamma ~ U(0, 1), the default of the PyTorch that the paper used (changed in 1.2)."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight)

    def forward(self, images: Tensor, last_only: bool = False) -> list[CornerOutputs]:
        """Predictions of every stack, or of the last stack alone, which is all that testing needs.

        `images` are [B, 3, h, w], normalised; h and w are multiples of `size_multiple`, less one
        (511 for the paper's network), so that every halving is exact. Other sizes that halve
        exactly work too. Maps are [ceil(h / 4), ceil(w / 4)] cells.
        """
        self._check(images)
        features = self.stem(images)
        outputs = []
        last = len(self.hourglasses) - 1
        for stack, (hourglass, convolution) in enumerate(
            zip(self.hourglasses, self.features, strict=True)
        ):
            after = convolution(hourglass(features))  # [B, dims[0], H, W]
            if stack == last or not last_only or self.adds_predictions:
                outputs.append(self._predict(stack, after))
            if stack < last:
                predicted = outputs[-1] if self.adds_predictions else ()
                features = self.merges[stack](features, after, predicted)
        return outputs[-1:] if last_only else outputs

    def _predict(self, stack: int, features: Tensor) -> CornerOutputs:
        tl_heat, tl_embedding, tl_offset = self.top_left[stack](features)
        br_heat, br_embedding, br_offset = self.bottom_right[stack](features)
        return CornerOutputs(tl_heat, br_heat, tl_embedding, br_embedding, tl_offset, br_offset)

    def _check(self, images: Tensor) -> None:
        """Raise ValueError unless the maps can be halved exactly and added again."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images: must be [B, 3, h, w], not {list(images.shape)}")
        # No number here is negative: ONNX's division of integers would round it towards 0.
        if any((side + 3) // 4 % (self.size_multiple // 4) for side in images.shape[2:]):
            raise ValueError(
                f"images: {images.shape[2]} x {images.shape[3]} pixels cannot be halved exactly; "
                f"pad each side to a multiple of {self.size_multiple}, less one"
            )
