"""From heatmaps to pairs of corners (section 4.2), beside the same steps written plainly in torch.

The yardstick finds the corners by max-pooling the whole map and one `topk` over it, the textbook
form; how corners are paired is written out again.
"""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cornernet.benchmarks.agreement import require, require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.floors import copy_bandwidth
from cornernet.benchmarks.record import Claim, Result, floor_of, timed, times_as_fast
from cornernet.benchmarks.timing import Side, time_in_turn
from cornernet.config.schema import Detection
from cornernet.detection.decode import decode
from cornernet.model.network import CornerOutputs

SHAPE = (2, 80, 128, 128)  # an image of 511 x 511 pixels and its mirror image
QUICK_SHAPE = (2, 5, 24, 20)
YARDSTICK = "max_pool2d + topk"
AIM_MS = 12.0
OBJECTS = 30  # clear corners in each image

# Logits of a made heatmap: mean and spread of its ground. A trained network's is low and even, and
# objects stand out; on noise no row is better than the next, the hardest case for a search.
GROUNDS = {"objects above an even ground": (-6.0, 1.0), "noise alone": (-5.0, 3.0)}
ABOVE_GROUND = 7.0


def run(conditions: Conditions) -> Result:
    """Time `decode` on made maps of two kinds."""
    shape = QUICK_SHAPE if conditions.quick else SHAPE
    params = conditions.params.detection
    window = conditions.window(rounds=25, seconds=12)
    bandwidth = copy_bandwidth(quick=conditions.quick)
    measurements, claims, floors, checks = [], [], [], []
    for case, (mean, spread) in GROUNDS.items():
        outputs = made_outputs(shape, mean, spread, objects=0 if case == "noise alone" else OBJECTS)
        checks.append(_check(case, outputs, params))
        sides: dict[str, Side] = {
            "ours": partial(decode, outputs, params),
            YARDSTICK: partial(plain_decode, outputs, params),
        }
        times = time_in_turn(sides, window)
        measurements += timed(case, times)
        claims.append(Claim(case, "ms", times["ours"].spread, AIM_MS, at_least=False))
        claims.append(times_as_fast(case, times, YARDSTICK, None))
        read = 2 * outputs.tl_heat.numel() * outputs.tl_heat.element_size()  # both heatmaps, once
        floors.append(floor_of(case, "ours", "memory", read, bandwidth, times["ours"]))
    return Result(
        measurements=tuple(measurements),
        claims=tuple(claims),
        floors=tuple(floors),
        checks=tuple(checks),
        sizes={"heatmaps": list(shape), "top_corners": params.top_corners},
        window=window,
    )


def made_outputs(
    shape: tuple[int, int, int, int], mean: float, spread: float, objects: int
) -> CornerOutputs:
    """Predictions [B, C, H, W] made at random: `objects` peaks an image above a Gaussian ground."""
    batch, _, height, width = shape
    generator = torch.Generator().manual_seed(0)

    def noise(channels: int) -> Tensor:
        return torch.randn(batch, channels, height, width, generator=generator)

    heats = []
    for _ in range(2):
        heat = noise(shape[1]) * spread + mean
        peaks = torch.randint(heat[0].numel(), (batch, objects), generator=generator)
        heats.append(heat.flatten(1).scatter_add(1, peaks, ABOVE_GROUND + 0.0 * peaks).view(shape))
    tags, offsets = ([noise(n) for _ in range(2)] for n in (1, 2))
    return CornerOutputs(
        heats[0], heats[1], tags[0] / 4, tags[1] / 4, offsets[0].sigmoid(), offsets[1].sigmoid()
    )


def plain_decode(outputs: CornerOutputs, params: Detection) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs as one would write the search: boxes [B, P, 4], scores [B, P], categories [B, P].

    A pair that is rejected scores -1.
    """
    tl_score, tl_category, tl_index = _plain_corners(outputs.tl_heat, params)
    br_score, br_category, br_index = _plain_corners(outputs.br_heat, params)
    tl = _plain_points(outputs.tl_offset, tl_index)
    br = _plain_points(outputs.br_offset, br_index)
    tl_tag = outputs.tl_embedding.flatten(1).gather(1, tl_index)
    br_tag = outputs.br_embedding.flatten(1).gather(1, br_index)
    score = (tl_score[:, :, None] + br_score[:, None, :]) / 2  # [B, K, K]
    rejected = tl_category[:, :, None] != br_category[:, None, :]
    rejected |= (tl_tag[:, :, None] - br_tag[:, None, :]).abs() > params.embedding_distance
    rejected |= (br[:, None] < tl[:, :, None]).any(dim=3)
    score = torch.where(rejected, -1.0, score).flatten(1)
    score, pair = score.topk(min(params.max_pairs, score.shape[1]), dim=1)
    corners = tl_score.shape[1]
    images = torch.arange(len(score))[:, None]
    boxes = torch.cat([tl[images, pair // corners], br[images, pair % corners]], dim=2)
    return boxes, score, tl_category.gather(1, pair // corners)


def _plain_corners(heat: Tensor, params: Detection) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, categories and cells (flat indices) of the strongest peaks, each [B, K]."""
    scores = heat.sigmoid()
    kernel = params.peak_kernel
    highest = F.max_pool2d(scores, kernel, stride=1, padding=kernel // 2)
    peaks = (scores * (highest == scores)).flatten(1)
    score, index = peaks.topk(min(params.top_corners, peaks.shape[1]), dim=1)
    cells = heat.shape[2] * heat.shape[3]
    return score, index // cells, index % cells


def _plain_points(offset: Tensor, index: Tensor) -> Tensor:
    """Corners (x, y) in cells: the cell and its offset.  [B, K, 2]"""
    width = offset.shape[3]
    moved = offset.flatten(2).gather(2, index[:, None].expand(-1, 2, -1)).transpose(1, 2)
    return moved + torch.stack([index % width, index // width], dim=2)


def _check(case: str, outputs: CornerOutputs, params: Detection) -> str:
    """The same pairs: boxes and categories to the bit, scores but for the sigmoid's rounding."""
    pairs = decode(outputs, params)
    boxes, score, category = plain_decode(outputs, params)
    found = 0
    for image in range(len(score)):
        ours = _rows(pairs.boxes[image], pairs.category[image], pairs.score[image])
        theirs = _rows(boxes[image], category[image], score[image])
        require_same(f"{case}: boxes and categories", ours[:, :5], theirs[:, :5])
        require_same(f"{case}: scores", ours[:, 5], theirs[:, 5], tolerance=1e-6)
        found += len(ours)
    return require(f"{case}: the same {found} pairs", found > 0)


def _rows(boxes: Tensor, category: Tensor, score: Tensor) -> NDArray[np.float32]:
    """Accepted pairs as rows x1, y1, x2, y2, category, score; in the order of all but the score."""
    rows = torch.cat([boxes, category[:, None], score[:, None]], dim=1).numpy()[score.numpy() > -1]
    return rows[np.lexsort(rows.T[:5])]
