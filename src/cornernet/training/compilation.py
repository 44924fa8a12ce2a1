"""From images to loss terms: the part of a step that can be compiled for a GPU."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from cornernet.config.schema import Losses, Train
from cornernet.model.compilation import Compiled
from cornernet.model.losses import CornerTargets, LossTerms, corner_losses
from cornernet.model.network import CornerNet, CornerOutputs


class ChunkLosses(Protocol):
    """From images [B, 3, S, S] and their targets to the loss terms of the chunk."""

    def __call__(
        self,
        model: CornerNet,
        images: Tensor,
        targets: CornerTargets,
        lower: bool,
        params: Losses,
        /,
    ) -> LossTerms: ...


def plain_losses(
    model: CornerNet, images: Tensor, targets: CornerTargets, lower: bool, params: Losses
) -> LossTerms:
    """The loss terms of a chunk; the network alone runs in bf16 if `lower`."""
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=lower):
        outputs: list[CornerOutputs] = model(images)
    if lower:
        outputs = [CornerOutputs(*(head.float() for head in stack)) for stack in outputs]
    return corner_losses(outputs, targets, params)


def losses_for(
    params: Train, device: torch.device, report: Callable[[str], None], **options: Any
) -> ChunkLosses:
    """How `device` computes a chunk: compiled if `train.compile` asks for it, on a GPU alone.

    `options` are for `torch.compile`. There is a graph for each size of chunk, twice: with
    running statistics that move, and without.
    """
    if device.type != "cuda" or not params.compile:
        return plain_losses
    return compiled_losses(params, report, **options)


def compiled_losses(params: Train, report: Callable[[str], None], **options: Any) -> Compiled:
    """`plain_losses`, compiled for each size in `train.chunks`."""

    def say(line: str) -> None:
        report(f"train.compile: the network {line}")

    return Compiled(plain_losses, say, 2 * len(set(params.chunks)) + 2, **options)
