"""From a chunk to its loss terms: copied to a device, its targets drawn there, compiled or not."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cornernet.config.schema import Losses, Params, Targets, Train
from cornernet.data.sampling.samples import Chunk
from cornernet.data.sampling.targets import draw_heatmaps
from cornernet.model.compilation import Compiled
from cornernet.model.hourglass import fill_vectors
from cornernet.model.losses import CornerTargets, LossTerms, corner_losses, logit_bounds
from cornernet.model.network import CornerNet, CornerOutputs

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


def compiled_losses(params: Train, report: Callable[[str], None], **options: Any) -> Compiled:
    """`plain_losses`, compiled for each size in `train.chunks`; `options` for `torch.compile`.

    There is a graph for each size, twice: with running statistics that move, and without.
    """

    def say(line: str) -> None:
        report(f"train.compile: the network {line}")

    # A compiler cannot follow a tensor to Python numbers. The mark is set here, for it loads the
    # compiler, which takes seconds.
    torch.compiler.assume_constant_result(logit_bounds)
    return Compiled(plain_losses, say, 2 * len(set(params.chunks)) + 2, **options)


def form_for(params: Train, device: torch.device, report: Callable[[str], None]) -> Form:
    """How `device` computes a chunk: compiled if `train.compile` asks for it, on a GPU alone."""
    if device.type != "cuda" or not params.compile:
        return plain_losses
    return compiled_losses(params, report)


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

    On a GPU chunks are copied and targets drawn in a CUDA stream of its own. To draw, the CPU must
    read from the GPU how many cells there are, and waits for the answer. A stream answers once it
    has run all that was launched in it before. In the stream that trains, this would be the whole
    chunk before, and the GPU would be idle until the CPU has launched the next one. In a stream of
    its own the answer waits for a few small kernels.
    """

    def __init__(
        self, num_categories: int, params: Params, device: torch.device, form: Form = plain_losses
    ) -> None:
        self.num_categories, self.params = num_categories, params
        self.device, self.form = device, form
        # High priority: these few small kernels need not wait for a convolution's last blocks.
        self._stream = torch.cuda.Stream(device, priority=-1) if device.type == "cuda" else None

    def __call__(self, model: CornerNet, chunk: Chunk) -> LossTerms:
        """The loss terms of one chunk."""
        images, targets = self.to_device(chunk)
        lower = self.params.train.precision == "bf16"
        return self.form(model, images, targets, lower, self.params.losses)

    def to_device(self, chunk: Chunk) -> tuple[Tensor, CornerTargets]:
        """A chunk's images [B, 3, S, S] and its targets, on the device."""
        if self._stream is None:
            return self._images_and_targets(chunk)
        computing = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self._stream):
            images, targets = self._images_and_targets(chunk)
        computing.wait_stream(self._stream)
        for tensor in (images, *targets):  # else its memory might be given away too early
            tensor.record_stream(computing)
        return images, targets

    def _images_and_targets(self, chunk: Chunk) -> tuple[Tensor, CornerTargets]:
        chunk, params = chunk.to(self.device), self.params
        if self.form is not plain_losses:  # of a fixed shape, or a compiler would compile again
            chunk = padded(chunk, params.targets.max_objects)
        targets = corner_targets(chunk, self.num_categories, params.targets)
        images = chunk.image
        if runs_channels_last(params, self.device):
            images = images.contiguous(memory_format=torch.channels_last)
        return images, targets


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


def padded(chunk: Chunk, slots: int) -> Chunk:
    """The chunk with empty slots for objects added up to `slots`."""
    missing = slots - chunk.mask.shape[1]
    slotted = (F.pad(one, (0, 0) * (one.ndim - 2) + (0, missing)) for one in chunk[1:])
    return Chunk(chunk.image, *slotted)
