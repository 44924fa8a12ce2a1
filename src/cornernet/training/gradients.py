"""Gradient accumulation over a step's chunks, so that any number of devices computes the same.

A chunk is the images that one of the paper's GPUs held (section 4.1): the unit of batch-norm's
statistics and of the losses' normalisers. The step's loss is the plain mean over chunks.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

import torch
from torch import Tensor, nn

from cornernet.data.sampling.samples import Chunk
from cornernet.errors import BadInput, is_out_of_memory
from cornernet.model.compilation import Compiled
from cornernet.model.losses import LossTerms
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import ChunkLosses

# In elements: kernels that handle many tensors at once want each to start on 16 bytes or more.
ALIGNMENT = 64


def accumulate_gradients(
    model: CornerNet, chunks: Mapping[int, Chunk], losses: ChunkLosses
) -> Tensor:
    """Add the gradients of the mean loss over `train.chunks` to `.grad`, in order of number.

    `chunks` are those of this member, by their number in the step. Running statistics move by
    chunk 0 alone. Returns float64 [len(train.chunks), 6] on the device: each chunk's LossTerms;
    zeros for chunks of other members. Nothing here waits for the device's results. Raises BadInput
    when the device's memory does not hold a chunk.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    table = no_losses(losses)

    def add_chunk(number: int) -> None:
        images = len(chunks[number].image)
        remedy = (
            f"with train.chunks[{number}] = {images} images: lower that number in train.chunks "
            "(batch-norm's statistics then come from fewer images)"
        )
        with naming_out_of_memory(losses.device, remedy):
            terms, gradients = _forward_backward(model, chunks[number], losses, parameters)
            add_gradients(parameters, gradients)
        table[number] = torch.stack([term.detach() for term in terms])

    if 0 in chunks:
        add_chunk(0)
    with fixed_running_statistics(model):  # once for all: a step walks a thousand modules
        for number in sorted(set(chunks) - {0}):
            add_chunk(number)
    return table


def no_losses(losses: ChunkLosses) -> Tensor:
    """The losses of a step of which nothing is computed yet: zeros [len(train.chunks), 6]."""
    shape = len(losses.params.train.chunks), len(LossTerms._fields)
    return torch.zeros(shape, dtype=torch.float64, device=losses.device)


def _forward_backward(
    model: CornerNet, chunk: Chunk, losses: ChunkLosses, parameters: Sequence[nn.Parameter]
) -> tuple[LossTerms, tuple[Tensor, ...]]:
    """The loss terms of a chunk, and the gradients of its share of the step's loss.

    A compiler may leave the backward pass for later: a failure there falls back on the plain form
    as one in the forward pass does.
    """
    num_chunks = len(losses.params.train.chunks)
    terms = losses(model, chunk)
    try:
        return terms, torch.autograd.grad(terms.total / num_chunks, parameters)
    except (RuntimeError, AssertionError) as error:  # what compilers raise
        form = losses.form
        if is_out_of_memory(error) or not isinstance(form, Compiled) or not form.works:
            raise
        form.give_up(error)
    return _forward_backward(model, chunk, losses, parameters)


@contextmanager
def fixed_running_statistics(model: nn.Module) -> Iterator[None]:
    """Within the block batch-norm's running statistics do not move.

    The batch's own statistics normalise either way.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    try:
        for layer in layers:
            layer.track_running_stats = False
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


@contextmanager
def naming_out_of_memory(device: torch.device, what: str) -> Iterator[None]:
    """Turn any device's out-of-memory error into BadInput: "out of memory on <device> <what>"."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(f"out of memory on {device} {what}") from error


def flat_gradients(model: nn.Module) -> Tensor:
    """All gradients of a model, zeros, in one vector, of which each `.grad` becomes a view.

    Cleared, and summed over processes, in one operation.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    ends = list(accumulate(-(-p.numel() // ALIGNMENT) * ALIGNMENT for p in parameters))
    first = parameters[0]
    vector = torch.zeros(ends[-1], dtype=first.dtype, device=first.device)
    for parameter, start in zip(parameters, [0, *ends[:-1]], strict=True):
        # The parameter's own strides (channels-last ones too), so that Adam need not reorder.
        parameter.grad = vector.as_strided(parameter.shape, parameter.stride(), start)
    return vector


def add_gradients(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    """Gradient accumulation: add to each `.grad`, in as few GPU kernels as possible.

    `backward()` launches one kernel per parameter: a thousand launches, which take a GPU longer
    than the additions themselves.
    """
    sums, terms = [], []
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert parameter.grad is not None, "a view of `flat_gradients`"
        if parameter.grad.stride() == gradient.stride():
            sums.append(parameter.grad)
            terms.append(gradient)
        else:  # torch would then add all of them one by one
            parameter.grad.add_(gradient)
    torch._foreach_add_(sums, terms)
