"""Copies chunks to a GPU, and draws their targets there, while it computes the chunk before."""

from dataclasses import fields

import torch
from torch import Tensor
from torch.nn import functional as F

from cornernet.config.schema import Targets
from cornernet.data.sampling.chunks import Chunk
from cornernet.data.sampling.targets import draw_heatmaps
from cornernet.model.losses import CornerTargets


class Staging:
    """Copies chunks to `device` and draws their targets; on a GPU, in a CUDA stream of its own.

    To draw, the CPU must read from the GPU how many cells there are, and waits for the answer. A
    stream answers once it has run all that was launched in it before. In the stream that trains,
    this would be the whole chunk before, and the GPU would be idle until the CPU has launched the
    next one. In a stream of its own the answer waits for a few small kernels.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        # High priority: these few small kernels need not wait for a convolution's last blocks.
        self._stream = torch.cuda.Stream(device, priority=-1) if device.type == "cuda" else None

    def to_device(
        self,
        chunk: Chunk,
        num_categories: int,
        params: Targets,
        layout: torch.memory_format | None = None,
        slots: int | None = None,
    ) -> tuple[Tensor, CornerTargets]:
        """A chunk's images [B, 3, S, S] and its targets, on the device.

        `layout`: the memory format of the images; None: as they are. `slots`: how many objects the
        targets have room for (K); None: as many as the chunk. With a fixed number the shapes stay
        the same, and a compiler need not compile again.
        """
        if self._stream is None:
            return _images_and_targets(chunk.to(self.device), num_categories, params, layout, slots)
        computing = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self._stream):
            images, targets = _images_and_targets(
                chunk.to(self.device), num_categories, params, layout, slots
            )
        computing.wait_stream(self._stream)
        for tensor in (images, *targets):  # else its memory might be given away too early
            tensor.record_stream(computing)
        return images, targets


def _images_and_targets(
    chunk: Chunk,
    num_categories: int,
    params: Targets,
    layout: torch.memory_format | None,
    slots: int | None,
) -> tuple[Tensor, CornerTargets]:
    targets = corner_targets(
        chunk if slots is None else _padded(chunk, slots), num_categories, params
    )
    images = chunk.image if layout is None else chunk.image.contiguous(memory_format=layout)
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


def _padded(chunk: Chunk, slots: int) -> Chunk:
    """The chunk with empty slots added up to `slots`."""
    missing = slots - chunk.mask.shape[1]
    changed = {}
    for field in fields(chunk):
        tensor: Tensor = getattr(chunk, field.name)
        if field.name != "image":
            tensor = F.pad(tensor, (0, 0) * (tensor.ndim - 2) + (0, missing))
        changed[field.name] = tensor
    return Chunk(**changed)
