"""One optimisation step: chunk by chunk, so that any number of devices computes the same.

A chunk is the images that one of the paper's GPUs held (section 4.1): the unit of batch-norm's
statistics and of the losses' normalisers. The step's loss is the plain mean over chunks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cornernet.config.schema import Params, Train
from cornernet.data.sampling.chunks import Chunk
from cornernet.errors import BadInput
from cornernet.memory import is_out_of_memory
from cornernet.model.compilation import Compiled
from cornernet.model.losses import LossTerms
from cornernet.model.network import CornerNet
from cornernet.training.compilation import ChunkLosses, plain_losses
from cornernet.training.gradients import add_gradients
from cornernet.training.staging import Staging

# Named in section 4.1's reference [18] and PyTorch's defaults at the time; no weight decay.
ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8


def learning_rate(params: Train, done: int) -> float:
    """The rate of the next iteration when `done` iterations are done.

    Divided by ten once for every drop that has been reached: "2.5e-5 for the last 50k" of
    500k iterations (section 4.1) is a drop after iteration 450,000.
    """
    drops = sum(1 for drop in params.learning_rate_drops if drop <= done)
    return float(params.learning_rate / 10**drops)


def adam(model: nn.Module, rate: float) -> torch.optim.Adam:
    """The paper's optimiser. One fused kernel: 600 small tensors cost a quarter of the time."""
    return torch.optim.Adam(
        model.parameters(), lr=rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True
    )


CPU_VECTOR = 16  # float32 numbers in the widest vector of a CPU (AVX-512)


def runs_channels_last(params: Params, device: torch.device) -> bool:
    """Whether convolutions run with the channels innermost.

    A GPU's tensor cores want it; on a CPU a step of a small network takes a fifth less time. Torch
    2.13's CPU kernels write past their buffers where a layer has few channels (4, with 127 pixels:
    the process dies), so there all widths must be whole vectors of them.
    """
    if device.type == "cpu":
        model = params.model
        widths = (model.stem_channels, model.pool_channels, *model.dims)
        return all(width % CPU_VECTOR == 0 for width in widths)
    return params.train.precision != "fp32"


def accumulate_gradients(
    model: CornerNet,
    chunks: Mapping[int, Chunk],
    num_chunks: int,
    num_categories: int,
    params: Params,
    device: torch.device,
    losses_of: ChunkLosses = plain_losses,
    staging: Staging | None = None,
) -> Tensor:
    """Add the gradients of the mean loss over `num_chunks` chunks to `.grad`, in order of number.

    `chunks` are those of this process, by their number in the step. Running statistics move by
    chunk 0 alone. Returns float64 [num_chunks, 6] on the device: each chunk's LossTerms; zeros for
    chunks of other processes. Nothing here waits for the device's results. Raises BadInput when
    the device's memory does not hold a chunk.
    """
    staging = staging or Staging(device)
    parameters = [p for p in model.parameters() if p.requires_grad]
    table = torch.zeros(num_chunks, len(LossTerms._fields), dtype=torch.float64, device=device)

    def accumulate(number: int) -> None:
        def losses() -> LossTerms:
            return chunk_losses(model, chunks[number], num_categories, params, losses_of, staging)

        with _naming_the_chunk(number, chunks[number].image.shape[0], device):
            terms, gradients = _forward_backward(losses, losses_of, parameters, num_chunks)
            add_gradients(parameters, gradients)
        table[number] = torch.stack([term.detach() for term in terms])

    if 0 in chunks:
        accumulate(0)
    with running_statistics(model, False):  # once for all: a step walks a thousand modules
        for number in sorted(set(chunks) - {0}):
            accumulate(number)
    return table


def _forward_backward(
    losses: Callable[[], LossTerms],
    losses_of: ChunkLosses,
    parameters: Sequence[nn.Parameter],
    num_chunks: int,
) -> tuple[LossTerms, tuple[Tensor, ...]]:
    """The loss terms of a chunk, and the gradients of its share of the step's loss.

    A compiler may leave the backward pass for later: a failure there falls back on the plain form
    as one in the forward pass does.
    """
    terms = losses()
    try:
        return terms, torch.autograd.grad(terms.total / num_chunks, parameters)
    except Exception as error:
        if is_out_of_memory(error) or not isinstance(losses_of, Compiled) or not losses_of.works:
            raise
        losses_of.give_up(error)
    terms = losses()
    return terms, torch.autograd.grad(terms.total / num_chunks, parameters)


def chunk_losses(
    model: CornerNet,
    chunk: Chunk,
    num_categories: int,
    params: Params,
    losses_of: ChunkLosses = plain_losses,
    staging: Staging | None = None,
) -> LossTerms:
    """The loss terms of one chunk; the network alone runs in `train.precision`.

    The chunk is copied to the device of `staging`; None: that of the model.
    """
    if staging is None:
        staging = Staging(next(model.parameters()).device)
    last = runs_channels_last(params, staging.device)
    images, targets = staging.to_device(
        chunk,
        num_categories,
        params.targets,
        torch.channels_last if last else None,
        None if losses_of is plain_losses else params.targets.max_objects,
    )
    return losses_of(model, images, targets, params.train.precision == "bf16", params.losses)


@contextmanager
def running_statistics(model: nn.Module, keep: bool) -> Iterator[None]:
    """Within the block batch-norm's running statistics move only if `keep`.

    The batch's own statistics normalise either way.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    tracked = [layer.track_running_stats for layer in layers]
    try:
        for layer in layers:
            layer.track_running_stats = layer.track_running_stats and keep
        yield
    finally:
        for layer, value in zip(layers, tracked, strict=True):
            layer.track_running_stats = value


@contextmanager
def _naming_the_chunk(number: int, images: int, device: torch.device) -> Iterator[None]:
    """Turn any device's out-of-memory error into BadInput that names the param to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(
            f"out of memory on {device} with train.chunks[{number}] = {images} images: lower that "
            f"number in train.chunks (batch-norm's statistics then come from fewer images)"
        ) from error
