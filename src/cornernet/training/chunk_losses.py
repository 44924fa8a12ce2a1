"""From a chunk to its loss terms: copied to a device, its targets drawn there, compiled or not."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cornernet.config.schema import Losses, Params, Targets, Train
from cornernet.data.sampling.samples import Chunk
from cornernet.data.sampling.targets import draw_heatmaps
from cornernet.model.hourglass import fill_vectors
from cornernet.model.losses import CornerTargets, LossTerms, corner_losses, logit_bounds
from cornernet.model.network import CornerNet, CornerOutputs
from cornernet.progress import say

# From images [B, 3, S, S], their targets, and whether to compute in bf16, to the chunk's terms.
Form = Callable[[CornerNet, Tensor, CornerTargets, bool, Losses], LossTerms]


def plain_losses(
    model: CornerNet, images: Tensor, targets: CornerTargets, lower: bool, params: Losses
) -> LossTerms:
    """The loss terms of a chunk; the network alone runs in bf16 if `lower`."""
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=lower):
        outputs: list[CornerOutputs] = model(images)
    if lower:
        outputs = [CornerOutputs(*(head.float() for head in stack)) for stack in outputs]
    return corner_losses(outputs, targets, params)


def compiled_losses(**options: Any) -> Form:
    """`plain_losses`, compiled for each size in `train.chunks`; `options` for `torch.compile`.

    Shapes are not made variable: there are few, and kernels for known sizes are faster.
    """
    # A compiler cannot follow a tensor to Python numbers. The mark is set here, for it loads the
    # compiler, which takes seconds.
    torch.compiler.assume_constant_result(logit_bounds)
    return torch.compile(plain_losses, dynamic=False, fullgraph=True, **options)


def form_for(params: Train, device: torch.device) -> Form:
    """How `device` computes a chunk: compiled if `train.compile` asks for it, on a GPU alone."""
    return compiled_losses() if device.type == "cuda" and params.compile else plain_losses


def runs_channels_last(params: Params, device: torch.device) -> bool:
    """Whether convolutions run with the channels innermost.

    A GPU's tensor cores want it; on a CPU a step of a small network takes a fifth less time,
    where the widths allow it.
    """
    if device.type == "cpu":
        model = params.model
        return fill_vectors((model.stem_channels, model.pool_channels, *model.dims))
    return params.train.precision != "fp32"


class ChunkLosses:
    """Computes the loss terms of chunks on `device`, the network in `train.precision`.

    `report` is told if the compiled form fails; from then on it is the plain one.
    """

    def __init__(
        self,
        num_categories: int,
        params: Params,
        device: torch.device,
        form: Form = plain_losses,
        report: Callable[[str], None] = say,
    ) -> None:
        self.num_categories, self.params = num_categories, params
        self.device, self.form, self.report = device, form, report

    def __call__(self, model: CornerNet, chunk: Chunk) -> LossTerms:
        """The loss terms of one chunk."""
        chunk, params = chunk.to(self.device), self.params
        if self.form is not plain_losses:  # of a fixed shape, or a compiler would compile again
            chunk = chunk.padded(params.targets.max_objects)
        targets = corner_targets(chunk, self.num_categories, params.targets)
        images = chunk.image
        if runs_channels_last(params, self.device):
            images = images.contiguous(memory_format=torch.channels_last)
        return self.form(model, images, targets, params.train.precision == "bf16", params.losses)


def corner_targets(chunk: Chunk, num_categories: int, params: Targets) -> CornerTargets:
    """Section 3.2's targets of a chunk, drawn on the chunk's device.

    Heatmaps [B, C, H, W] with H = W = (input + 1) / 4 cells; `index` [B, K] is y * W + x.
    """
    side = (chunk.image.shape[-1] + 1) // 4
    heats = [
        draw_heatmaps(
            chunk.category,
            cell,
            chunk.radius,
            chunk.mask,
            num_categories,
            (side, side),
            params.sigma,
            params.window,
        )
        for cell in (chunk.tl_cell, chunk.br_cell)
    ]
    return CornerTargets(
        tl_heat=heats[0],
        br_heat=heats[1],
        tl_index=chunk.tl_cell[..., 1] * side + chunk.tl_cell[..., 0],  # [B, K]
        br_index=chunk.br_cell[..., 1] * side + chunk.br_cell[..., 0],
        tl_offset=chunk.tl_offset,
        br_offset=chunk.br_offset,
        mask=chunk.mask,
    )
