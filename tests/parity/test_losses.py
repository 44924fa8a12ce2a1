"""The losses and all their gradients against the released code (its normalisers per chunk)."""

import pytest
import torch
from model.sizes import CODE

from cornernet.model.losses import CornerTargets, corner_losses
from cornernet.model.network import CornerOutputs
from parity.fixtures import HEADS, Fixture

ARRAYS = Fixture("losses")


def spread(gathered, height, width):
    """Values of object slots [B, K, D], laid into the first K cells of a map [B, D, H, W]."""
    batch, slots, depth = gathered.shape
    dense = torch.zeros(batch, depth, height * width)
    dense[:, :, :slots] = gathered.transpose(1, 2)
    return dense.view(batch, depth, height, width)


def read(case):
    """One leaf tensor for each output of each stack, and the targets."""
    names = ("tl_heat", "br_heat", "tl_regr", "br_regr", "mask")
    tl_heat, br_heat, tl_offset, br_offset, mask = (
        ARRAYS.tensor(f"{case}_gt_{name}") for name in names
    )
    index = torch.arange(mask.shape[1]).expand(mask.shape)
    targets = CornerTargets(tl_heat, br_heat, index, index, tl_offset, br_offset, mask.bool())
    outputs = []
    for stack in ARRAYS.names(rf"{case}_stack(\d+)_tl_heat"):
        maps = ARRAYS.outputs(f"{case}_stack{stack}_")
        dense = [*maps[:2], *(spread(each, *tl_heat.shape[2:]) for each in maps[2:])]
        outputs.append(CornerOutputs(*(each.clone().requires_grad_() for each in dense)))
    return outputs, targets


@pytest.mark.parametrize("case", ARRAYS["cases"].tolist())
def test_terms_and_gradients(case):
    outputs, targets = read(case)
    terms = corner_losses(outputs, targets, CODE)
    terms.total.backward()
    stacks = len(outputs)  # theirs are sums over the stacks, ours means
    check(f"{case}_total", terms.total.detach())
    for name in ("focal_tl", "focal_br", "pull", "push", "offset"):
        check(f"{case}_{name.removesuffix('set')}", getattr(terms, name).detach() * stacks)
    slots = targets.mask.shape[1]
    for stack, output in enumerate(outputs):
        for name, leaf in zip(HEADS, output, strict=True):
            key, gradient = f"{case}_stack{stack}_{name}_grad", leaf.grad
            if "heat" in name:
                gradient = gradient.where(~at_the_clamp(leaf.detach(), CODE), ARRAYS.tensor(key))
            else:
                gradient = gradient.flatten(2)[:, :, :slots].transpose(1, 2)
            check(key, gradient)


def at_the_clamp(logits, params):
    """Cells whose score lies within two steps of float32 of a bound.

    They have a gradient or none, whichever side of the bound rounding puts them on.
    """
    scores = logits.double().sigmoid()
    step = torch.finfo(torch.float32).eps
    lowest, highest = params.probability_clamp, 1 - params.probability_clamp
    near_lowest = (scores - lowest).abs() <= 2 * step * lowest
    return near_lowest | ((scores - highest).abs() <= step)  # steps below 1 are half as long


def check(key, tensor):
    """Within 1e-5 of the array's largest entry (of the number itself, where there is but one)."""
    ARRAYS.check(key, tensor, 1e-5 * ARRAYS.largest(key))
