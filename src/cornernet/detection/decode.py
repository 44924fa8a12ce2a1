"""From the network's maps to pairs of corners (section 4.2).

Everything here is in cells of the heatmap. Scores descend; equal scores keep the order of their
flat index (category, row, column), so the result does not depend on the device.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from cornernet.config.schema import Detection
from cornernet.model.network import CornerOutputs


class CornerPeaks(NamedTuple):
    """The K strongest corners of one kind in each image; a slot without a corner scores 0."""

    score: Tensor  # [B, K]
    category: Tensor  # [B, K] int64
    x: Tensor  # [B, K] int64, cells
    y: Tensor  # [B, K] int64, cells

    def read(self, maps: Tensor) -> Tensor:
        """Values of maps [B, D, H, W] at the corners' cells: [B, K, D]."""
        index = self.y * maps.shape[3] + self.x  # [B, K]
        index = index[:, None].expand(-1, maps.shape[1], -1)
        return maps.flatten(2).gather(2, index).transpose(1, 2)

    def points(self, offset: Tensor) -> Tensor:
        """x and y in cells [B, K, 2], moved by the offsets of a map [B, 2, H, W]."""
        return torch.stack([self.x, self.y], dim=2) + self.read(offset)


class CornerPairs(NamedTuple):
    """Candidate boxes of each image, best first; `valid` rows come before the others."""

    boxes: Tensor  # [B, P, 4] x1, y1, x2, y2 in cells
    score: Tensor  # [B, P] mean of both corners' scores; -1 where not valid
    tl_score: Tensor  # [B, P]
    br_score: Tensor  # [B, P]
    category: Tensor  # [B, P] int64
    valid: Tensor  # [B, P] bool


def decode(outputs: CornerOutputs, params: Detection) -> CornerPairs:
    """Pair the strongest top-left with the strongest bottom-right corners (section 4.2).

    Corners are peaks of the heatmaps, the `top_corners` best over all categories together, moved
    by their offsets. A pair is rejected when its categories differ, its embeddings lie further
    apart than `embedding_distance` (L1), or its bottom-right corner lies left of or above its
    top-left one. At most `max_pairs` are returned (P), fewer when there are fewer pairs of slots.
    """
    tl = top_corners(outputs.tl_heat, params.top_corners, params.peak_kernel)
    br = top_corners(outputs.br_heat, params.top_corners, params.peak_kernel)
    x1, y1 = tl.points(outputs.tl_offset).unbind(2)  # [B, K]
    x2, y2 = br.points(outputs.br_offset).unbind(2)
    br_embedding = br.read(outputs.br_embedding).transpose(1, 2)  # [B, 1, K]
    distance = (tl.read(outputs.tl_embedding) - br_embedding).abs()  # [B, K, K]: tl, br
    rejected = distance > params.embedding_distance
    rejected |= tl.category[:, :, None] != br.category[:, None, :]
    rejected |= (tl.score <= 0)[:, :, None] | (br.score <= 0)[:, None, :]
    rejected |= x2[:, None, :] < x1[:, :, None]
    rejected |= y2[:, None, :] < y1[:, :, None]
    score = (tl.score[:, :, None] + br.score[:, None, :]) / 2
    score = score.masked_fill(rejected, -1.0).flatten(1)  # [B, K * K]

    score, pair = _strongest_first(score, params.max_pairs)  # [B, P]
    corners = br.score.shape[1]
    of_tl, of_br = pair // corners, pair % corners
    boxes = (x1.gather(1, of_tl), y1.gather(1, of_tl), x2.gather(1, of_br), y2.gather(1, of_br))
    return CornerPairs(
        boxes=torch.stack(boxes, dim=2),
        score=score,
        tl_score=tl.score.gather(1, of_tl),
        br_score=br.score.gather(1, of_br),
        category=tl.category.gather(1, of_tl),
        valid=score > -1,
    )


def top_corners(heat: Tensor, count: int, kernel: int) -> CornerPeaks:
    """The `count` strongest peaks of `heat` [B, C, H, W] (logits), over all categories jointly.

    A peak equals the maximum of the kernel x kernel window around it, after the sigmoid; cells
    that are no peak, or score 0, are no candidates.
    """
    _, _, height, width = heat.shape
    # Rounded from float64: in float32 torch's sigmoid may differ in the last bit with a value's
    # place in its tensor, and then neighbours of the same logit would not tie.
    score = heat.double().sigmoid().float()
    margin = kernel // 2  # a square window in two steps, columns and then rows
    highest = F.max_pool2d(score, (1, kernel), stride=1, padding=(0, margin))
    highest = F.max_pool2d(highest, (kernel, 1), stride=1, padding=(margin, 0))
    peaks = torch.where(highest == score, score, 0.0).flatten(1)  # [B, C * H * W]
    score, index = _strongest_first(peaks, count)  # [B, K]
    category, row = index // (height * width), index // width  # row: over all categories
    return CornerPeaks(score, category, index - row * width, row - category * height)


def _strongest_first(score: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of score [B, N] with their indices, equal ones in the order of index."""
    if torch.compiler.is_exporting():  # ONNX's TopK has equal ones in this order by definition
        known = isinstance(score.shape[1], int)  # else there are cells enough
        values, index = score.topk(min(count, score.shape[1]) if known else count, dim=1)
        return values, index
    count = min(count, score.shape[1])
    least = score.topk(count, dim=1).values[:, -1:]  # [B, 1]
    # topk leaves open which of equal scores it takes: of those at the limit, take the first ones.
    above, ties = score > least, score == least
    wanted = count - above.sum(dim=1, keepdim=True)
    chosen = above | (ties & (ties.cumsum(dim=1) <= wanted))
    index = chosen.nonzero()[:, 1].view(-1, count)  # ascending in each row
    values, order = score.gather(1, index).sort(dim=1, descending=True, stable=True)
    return values, index.gather(1, order)
