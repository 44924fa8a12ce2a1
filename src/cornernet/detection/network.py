"""Runs the network on a batch of test images, and on their mirror images."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cornernet.config.schema import Detection
from cornernet.data.sampling.colour import MEAN_BGR, STD_BGR
from cornernet.errors import BadInput, is_out_of_memory
from cornernet.model.hourglass import ConvolutionNorm, fill_vectors
from cornernet.model.network import CornerNet, CornerOutputs

Network = Callable[[Tensor], CornerOutputs]  # images [B, 3, h, w], normalised


def as_network(model: CornerNet, precision: str = "fp32") -> Network:
    """The part of a model that testing needs: evaluation mode, the last stack's predictions.

    What runs is a copy with batch norm folded into the convolutions. Its channels are innermost in
    memory on a CPU if its widths `fill_vectors`, and on a GPU in bf16, as tensor cores need them.
    `precision` is "bf16" for weights and maps in bfloat16, or "fp32". `model` itself is left as it
    is, but for being put into evaluation mode.
    """
    model.eval()
    ready = fold_batch_norm(model)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    on_cpu = next(ready.parameters()).device.type == "cpu"
    widths = (m.conv.out_channels for m in model.modules() if isinstance(m, ConvolutionNorm))
    innermost = fill_vectors(widths) if on_cpu else precision == "bf16"
    layout = torch.channels_last if innermost else torch.contiguous_format
    ready = ready.to(kind)
    ready = ready.to(memory_format=layout)  # type: ignore[call-overload]

    def network(images: Tensor) -> CornerOutputs:
        # cuDNN computes fp32 convolutions in fp32, not in TF32 (mantissas of 10 bits).
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return ready(images.to(kind, memory_format=layout), last_only=True)[-1]

    return network


def fold_batch_norm(model: CornerNet) -> CornerNet:
    """A copy of `model`, in evaluation mode, whose convolutions do what batch norm did.

    The results differ by rounding alone. The copy cannot be trained further.
    """
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for module in folded.modules():
        if isinstance(module, ConvolutionNorm):  # in float64, so that a weight is rounded once
            fused = fuse_conv_bn_eval(module.conv.double(), module.bn.double())
            module.conv, module.bn = fused.float(), nn.Identity()  # type: ignore[assignment]
    return folded


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
    try:
        with torch.inference_mode():
            batch = normalize_batch(images)
            if params.flip:
                batch = torch.cat([batch, batch.flip(3)])
            outputs = network(batch)
            outputs = CornerOutputs(*(output.float().contiguous() for output in outputs))
            _check_finite(outputs)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        count, (height, width) = len(canvases), canvases[0].shape[:2]
        raise BadInput(
            f"out of memory while testing {count} images of {height} x {width} pixels on {device}: "
            f"lower detection.batch_size, now {params.batch_size}, or use another device"
        ) from error
    return outputs


def normalize_batch(images: Tensor) -> Tensor:
    """Subtracts the mean colour of COCO's images and divides by the deviation, in training as well.

    uint8 [B, 3, h, w], BGR -> float32 [B, 3, h, w]. Black padding is normalised with the rest.
    """
    factor = torch.tensor(1 / (255 * STD_BGR), dtype=torch.float32, device=images.device)
    shift = torch.tensor(-MEAN_BGR / STD_BGR, dtype=torch.float32, device=images.device)
    images = images.to(torch.float32, memory_format=torch.contiguous_format)
    return images * factor[:, None, None] + shift[:, None, None]


def _check_finite(outputs: CornerOutputs) -> None:
    """Raise BadInput if any prediction is NaN or infinite."""
    finite = torch.stack([output.isfinite().all() for output in outputs]).tolist()
    bad = [name for name, fine in zip(outputs._fields, finite, strict=True) if not fine]
    if bad:
        raise BadInput(
            f"the network predicts NaN or infinite values ({', '.join(bad)}): its weights are "
            "damaged or its training diverged; train again, or use other weights"
        )
