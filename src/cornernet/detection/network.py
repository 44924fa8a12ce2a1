"""Runs the network on a batch of test images, and on their mirror images."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornernet.config.schema import Detection
from cornernet.data.colour import MEAN_BGR, STD_BGR
from cornernet.errors import BadInput
from cornernet.model.network import CornerNet, CornerOutputs

Network = Callable[[Tensor], CornerOutputs]  # images [B, 3, h, w], normalised


def as_network(model: CornerNet) -> Network:
    """The part of a model that testing needs: evaluation mode, the last stack's predictions."""
    model.eval()

    def last_stack(images: Tensor) -> CornerOutputs:
        return model(images, last_only=True)[-1]

    return last_stack


def run_network(
    network: Network,
    canvases: Sequence[NDArray[np.uint8]],
    params: Detection,
    device: torch.device,
) -> CornerOutputs:
    """Predictions for canvases [h, w, 3] of one size and then, if `params.flip`, for their mirrors.

    Returns float32 maps of B or 2 B images. Raises BadInput when the device's memory does not
    suffice, or when a prediction is not finite.
    """
    images = torch.from_numpy(np.stack(canvases)).to(device).permute(0, 3, 1, 2)  # [B, 3, h, w]
    doing = f"{len(canvases)} images of {images.shape[2]} x {images.shape[3]} pixels on {device}"
    with torch.inference_mode(), _memory_explained(doing, params.batch_size):
        batch = normalize_batch(images)
        if params.flip:
            batch = torch.cat([batch, batch.flip(3)])
        with torch.autocast(device.type, torch.bfloat16, enabled=params.precision == "bf16"):
            outputs = network(batch)
        outputs = CornerOutputs(*(output.float() for output in outputs))
        _check_finite(outputs)
    return outputs


def normalize_batch(images: Tensor) -> Tensor:
    """What `data.colour.normalize_image` does, for a batch on its device.

    uint8 [B, 3, h, w], BGR -> float32 [B, 3, h, w]. Black padding is normalised with the rest.
    """
    factor = torch.tensor(1 / (255 * STD_BGR), dtype=torch.float32, device=images.device)
    shift = torch.tensor(-MEAN_BGR / STD_BGR, dtype=torch.float32, device=images.device)
    images = images.to(torch.float32, memory_format=torch.contiguous_format)
    return images * factor[:, None, None] + shift[:, None, None]


def _check_finite(outputs: CornerOutputs) -> None:
    """Raise BadInput if any prediction is NaN or infinite."""
    extremes = torch.stack([torch.stack(output.aminmax()) for output in outputs])  # [6, 2]
    finite = torch.isfinite(extremes).all(dim=1).tolist()
    bad = [name for name, fine in zip(outputs._fields, finite, strict=True) if not fine]
    if bad:
        raise BadInput(
            f"the network predicts NaN or infinite values ({', '.join(bad)}): its weights are "
            "damaged or its training diverged; train again, or use other weights"
        )


@contextmanager
def _memory_explained(doing: str, batch_size: int) -> Iterator[None]:
    """Turn "out of memory" into a BadInput that names the param to lower."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        remedy = (
            f"lower detection.batch_size, now {batch_size}"
            if batch_size > 1
            else "detection.batch_size is 1 already: use a device with more memory, or the CPU"
        )
        raise BadInput(f"out of memory while testing {doing}: {remedy}") from error


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # the CPU's allocator has no error of its own
    return "DefaultCPUAllocator" in str(error) or "not enough memory" in str(error)
