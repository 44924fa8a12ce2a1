"""The losses and all their gradients against the released code (its normalisers per chunk)."""

import numpy as np
import pytest
import torch

from cornernet.config.schema import Losses
from cornernet.model.losses import CornerTargets, corner_losses
from cornernet.model.network import CornerOutputs
from parity.fixtures import compared, load, used

FILE = "losses"
HEADS = {
    "tl_heat": "tl_heat",
    "br_heat": "br_heat",
    "tl_embedding": "tl_tag",
    "br_embedding": "br_tag",
    "tl_offset": "tl_regr",
    "br_offset": "br_regr",
}
RELEASED = Losses(2, 4, 1, 0.1, 0.1, 1, 1e-4, "chunk", "chunk", "chunk")


def cases():
    return load(FILE)["cases"].tolist()


def spread(gathered, height, width):
    """Values of object slots [B, K, D], laid into the first K cells of a map [B, D, H, W]."""
    batch, slots, depth = gathered.shape
    dense = torch.zeros(batch, depth, height * width)
    dense[:, :, :slots] = torch.from_numpy(gathered).transpose(1, 2)
    return dense.view(batch, depth, height, width)


def read(arrays, case):
    """One leaf tensor for each output of each stack, and the targets."""
    heat = torch.from_numpy(arrays[f"{case}_gt_tl_heat"])
    height, width = heat.shape[2:]
    mask = torch.from_numpy(arrays[f"{case}_gt_mask"]).bool()
    index = torch.arange(mask.shape[1]).expand(mask.shape)
    targets = CornerTargets(
        heat,
        torch.from_numpy(arrays[f"{case}_gt_br_heat"]),
        index,
        index,
        torch.from_numpy(arrays[f"{case}_gt_tl_regr"]),
        torch.from_numpy(arrays[f"{case}_gt_br_regr"]),
        mask,
    )
    for name in ("tl_heat", "br_heat", "tl_regr", "br_regr", "mask"):
        used(FILE, f"{case}_gt_{name}")
    outputs = []
    stacks = sum(key.startswith(f"{case}_stack") and key.endswith("_tl_heat") for key in arrays)
    for stack in range(stacks):
        leaves = []
        for theirs in HEADS.values():
            key = f"{case}_stack{stack}_{theirs}"
            used(FILE, key)
            values = arrays[key]
            dense = torch.from_numpy(values) if "heat" in key else spread(values, height, width)
            leaves.append(dense.requires_grad_())
        outputs.append(CornerOutputs(*leaves))
    return outputs, targets


@pytest.mark.parametrize("case", cases())
def test_terms_and_gradients(case):
    arrays = load(FILE)
    used(FILE, "cases")
    outputs, targets = read(arrays, case)
    terms = corner_losses(outputs, targets, RELEASED)
    terms.total.backward()
    stacks = len(outputs)  # theirs are sums over the stacks, ours means
    ours = {"focal_tl": stacks, "focal_br": stacks, "pull": stacks, "push": stacks, "total": 1}
    for name, factor in ours.items():
        check(getattr(terms, name).detach() * factor, arrays, f"{case}_{name}")
    check(terms.offset.detach() * stacks, arrays, f"{case}_off")
    slots = targets.mask.shape[1]
    for stack, output in enumerate(outputs):
        for name, theirs in HEADS.items():
            leaf, key = getattr(output, name), f"{case}_stack{stack}_{theirs}_grad"
            gradient = leaf.grad
            if "heat" in name:
                expected = torch.from_numpy(arrays[key])
                gradient = gradient.where(~at_the_clamp(leaf.detach(), RELEASED), expected)
            else:
                gradient = gradient.flatten(2)[:, :, :slots].transpose(1, 2)
            check(gradient, arrays, key)


def at_the_clamp(logits, params):
    """Cells whose score lies within two steps of float32 of a bound.

    They have a gradient or none, whichever side of the bound rounding puts them on.
    """
    scores = logits.double().sigmoid()
    step = torch.finfo(torch.float32).eps
    lowest, highest = params.probability_clamp, 1 - params.probability_clamp
    near_lowest = (scores - lowest).abs() <= 2 * step * lowest
    return near_lowest | ((scores - highest).abs() <= step)  # steps below 1 are half as long


def check(tensor, arrays, key):
    """Within 1e-5 of the array's largest entry (of the number itself, where there is but one)."""
    difference = float(np.abs(tensor.numpy() - arrays[key]).max())
    relative = difference / max(float(np.abs(arrays[key]).max()), 1e-12)
    compared(FILE, key, relative if difference else 0.0)
    assert difference == 0 or relative <= 1e-5, f"{key}: off by {relative:.2g}"
