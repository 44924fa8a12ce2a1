"""The training loss: equations 1, 3, 4, 5 and 8, one function each.

Every function takes one stack's predictions for one chunk (the images of one device) and returns a
scalar. What equations 1 to 5 leave open is how a chunk's images are put together, so each has a
normaliser:

`image`, the text: N is the number of objects of an image; each image's term is divided by its own
N, and the chunk's loss is the mean over its images. Without objects (N = 0) the focal term is not
divided, as in the released code, and the others are 0. One object (N = 1) has no pair to push
apart: its push term is 0.

`chunk`, the released code: the focal and offset terms are summed over the chunk and divided by the
chunk's positive cells or objects; pull and push are summed over its images; an epsilon of 1e-4
keeps divisions finite.
"""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cornernet.config.schema import Losses
from cornernet.model.network import CornerOutputs

Normaliser = Literal["image", "chunk"]

EPSILON = 1e-4  # in the released code's divisions [code kp_utils.py:180-215]


class CornerTargets(NamedTuple):
    """What a chunk of B images with up to K objects each should be predicted as."""

    tl_heat: Tensor  # [B, C, H, W], 1 at corners, bumps around them
    br_heat: Tensor  # [B, C, H, W]
    tl_index: Tensor  # [B, K] int64, y * W + x of the corner's cell
    br_index: Tensor  # [B, K] int64
    tl_offset: Tensor  # [B, K, 2], (x, y) in cells
    br_offset: Tensor  # [B, K, 2]
    mask: Tensor  # [B, K] bool, which slots hold an object


class LossTerms(NamedTuple):
    """The loss and its terms: scalars, averaged over the stacks; terms without their weights."""

    total: Tensor
    focal_tl: Tensor
    focal_br: Tensor
    pull: Tensor
    push: Tensor
    offset: Tensor


def corner_losses(
    outputs: list[CornerOutputs], targets: CornerTargets, params: Losses
) -> LossTerms:
    """Equation 8, averaged over the stacks: the full training loss of one chunk.

    Intermediate supervision (section 3.5) weighs the stacks alike [code kp.py:309]. Half-precision
    predictions are widened first: the loss is never computed in less than 32 bits.
    """
    if not outputs:
        raise ValueError("corner_losses: no outputs")
    with torch.autocast(targets.mask.device.type, enabled=False):
        stacks = [_stack_terms(_widened(stack), targets, params) for stack in outputs]
        focal_tl, focal_br, pull, push, offset = (
            torch.stack(term).mean() for term in zip(*stacks, strict=True)
        )
        total = (
            focal_tl
            + focal_br
            + params.pull_weight * pull
            + params.push_weight * push
            + params.offset_weight * offset
        )
    return LossTerms(total, focal_tl, focal_br, pull, push, offset)


def _widened(outputs: CornerOutputs) -> CornerOutputs:
    half = (torch.float16, torch.bfloat16)
    return CornerOutputs(*(each.float() if each.dtype in half else each for each in outputs))


def _stack_terms(
    outputs: CornerOutputs, targets: CornerTargets, params: Losses
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Focal loss of each corner, pull, push and offset loss of one stack."""
    mask = targets.mask.bool()
    tl_embedding = gather_cells(outputs.tl_embedding, targets.tl_index).squeeze(2)  # [B, K]
    br_embedding = gather_cells(outputs.br_embedding, targets.br_index).squeeze(2)
    tl_offset = gather_cells(outputs.tl_offset, targets.tl_index)  # [B, K, 2]
    br_offset = gather_cells(outputs.br_offset, targets.br_index)
    offset_normaliser = params.offset_normaliser
    return (
        focal_loss(outputs.tl_heat, targets.tl_heat, mask, params),
        focal_loss(outputs.br_heat, targets.br_heat, mask, params),
        pull_loss(tl_embedding, br_embedding, mask, params.grouping_normaliser),
        push_loss(tl_embedding, br_embedding, mask, params.push_margin, params.grouping_normaliser),
        offset_loss(tl_offset, targets.tl_offset, mask, offset_normaliser)
        + offset_loss(br_offset, targets.br_offset, mask, offset_normaliser),
    )


def gather_cells(features: Tensor, index: Tensor) -> Tensor:
    """Values of a map [B, D, H, W] at cells y * W + x [B, K] -> [B, K, D]."""
    flat = features.flatten(2)  # [B, D, H * W]
    return flat.gather(2, index[:, None].expand(-1, flat.shape[1], -1)).transpose(1, 2)


def focal_loss(logits: Tensor, target: Tensor, mask: Tensor, params: Losses) -> Tensor:
    """Equation 1, the variant of focal loss, of one corner's heatmaps.

    Scores are clamped to [c, 1 - c], c = `probability_clamp`, without gradient beyond it
    [code kp_utils.py:176-178]. The clamp acts on the logits, and both logarithms come from them:
    1 - p of a score near 1 keeps its digits.

    Args:
        logits: [B, C, H, W]; their sigmoid is p.
        target: [B, C, H, W], y of the equation.
        mask: [B, K], the objects.
        params: alpha, beta, the clamp and `focal_normaliser`. With `chunk`, N is the number of
            cells that equal 1 in the chunk, where corners that coincide count once.
    """
    lowest, highest = logit_bounds(params.probability_clamp, logits.dtype)
    clamped = logits.clamp(lowest, highest)
    score, rest = clamped.sigmoid(), (-clamped).sigmoid()  # p and 1 - p
    at_corners = rest.pow(params.focal_alpha) * F.logsigmoid(clamped)
    elsewhere = (
        (1 - target).pow(params.focal_beta) * score.pow(params.focal_alpha) * F.logsigmoid(-clamped)
    )
    corners = target == 1
    cells = torch.where(corners, at_corners, elsewhere)  # [B, C, H, W]
    if params.focal_normaliser == "chunk":
        return -cells.sum() / corners.sum().clamp(min=1)
    return -(cells.sum((1, 2, 3)) / mask.sum(1).clamp(min=1)).mean()


def logit_bounds(clamp: float, dtype: torch.dtype) -> tuple[float, float]:
    """Logits of the scores c and 1 - c, the scores rounded to `dtype`.

    1 - 1e-4 is 0.99989998 in 32 bits, which puts the loss of a sure mistake 2e-5 away from the
    exact one: rounding first keeps it the released code's.
    """
    scores = torch.tensor([clamp, 1 - clamp], dtype=dtype).double().tolist()
    return math.log(scores[0] / (1 - scores[0])), math.log(scores[1] / (1 - scores[1]))


def offset_loss(predicted: Tensor, target: Tensor, mask: Tensor, normaliser: Normaliser) -> Tensor:
    """Equation 3: smooth L1 loss of one corner's offsets [B, K, 2], summed over x and y."""
    distance = F.smooth_l1_loss(predicted, target, reduction="none").sum(2)  # [B, K]
    distance = distance.where(mask, 0)
    if normaliser == "chunk":
        return distance.sum() / (mask.sum().to(distance.dtype) + EPSILON)
    return (distance.sum(1) / mask.sum(1).clamp(min=1)).mean()


def pull_loss(tl: Tensor, br: Tensor, mask: Tensor, normaliser: Normaliser) -> Tensor:
    """Equation 4: draws the two embeddings [B, K] of an object to their mean."""
    mean = (tl + br) / 2
    distance = ((tl - mean).square() + (br - mean).square()).where(mask, 0)  # [B, K]
    objects = mask.sum(1)
    if normaliser == "chunk":
        return (distance.sum(1) / (objects.to(distance.dtype) + EPSILON)).sum()
    return (distance.sum(1) / objects.clamp(min=1)).mean()


def push_loss(
    tl: Tensor, br: Tensor, mask: Tensor, margin: float, normaliser: Normaliser
) -> Tensor:
    """Equation 5: keeps the mean embeddings of an image's objects `margin` apart.

    With `chunk` the pairs of an object with itself are counted too, and their margin is taken off
    again, spread over all pairs [code kp_utils.py:193-204]: equation 5 up to the epsilon for two
    objects and more, and a constant near the margin, without gradient, for a single one.
    """
    mean = (tl + br) / 2
    closeness = (margin - (mean[:, :, None] - mean[:, None, :]).abs()).relu()  # [B, K, K]
    pairs = mask[:, :, None] & mask[:, None, :]
    objects = mask.sum(1)
    if normaliser == "chunk":
        itself = margin / (objects.to(mean.dtype) + EPSILON)
        terms = (closeness - itself[:, None, None]).where(pairs, 0)
        count = (objects * (objects - 1)).to(mean.dtype) + EPSILON
        return (terms / count[:, None, None]).sum()
    others = pairs & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    ordered_pairs = (objects * (objects - 1)).clamp(min=1)
    return (closeness.where(others, 0).sum((1, 2)) / ordered_pairs).mean()
