"""Fine-tuning: a training that starts from the weights of a network with other categories.

All tensors are taken but those that depend on the categories, which are drawn as for any untrained
network: the heatmap branches, and what adds intermediate predictions back to the features.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import torch

from cornernet.errors import BadInput
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights, num_categories, tensor_shapes
from cornernet.training.job import TrainingJob
from cornernet.training.state import TrainingState

DRAWN_ANEW = re.compile(r"(.+\.(heatmap|from_predictions))\.")


def state_from_weights(job: TrainingJob, init: Path) -> TrainingState:
    """The state of `job`'s network before its first iteration, with the weights of `init`.

    Adam has no moments yet. What is drawn anew is told. Raises BadInput for a file that is missing
    or holds no weights, and for weights of another network, naming the params that differ.
    """
    params, categories = job.params.model, num_categories(init)
    found = network_params(tensor_shapes(init))
    if other := [f"{name}: {value} -> {getattr(params, name)}" for name, value in found.items()
                 if value != getattr(params, name)]:  # fmt: skip
        raise BadInput(
            f"train.init {init}: weights of another network (model.{', model.'.join(other)}); set "
            "these params as they were for the weights, or start from others"
        )
    source = CornerNet(categories, params)
    load_weights(init, source)
    torch.manual_seed(job.seed)
    model = CornerNet(job.num_categories, params)
    tensors = source.state_dict()
    anew = dict.fromkeys(own[1] for name in tensors if (own := DRAWN_ANEW.match(name)))
    taken = {name: tensor for name, tensor in tensors.items() if not DRAWN_ANEW.match(name)}
    model.load_state_dict({**model.state_dict(), **taken})
    job.report(
        f"starts from {init} ({categories} categories): {len(taken)} of {len(tensors)} tensors "
        f"taken, drawn anew for {job.num_categories} categories: {', '.join(anew)}"
    )
    return TrainingState(0, model.state_dict(), {}, torch.get_rng_state())


def network_params(shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The params of `model` that the shapes of a network's tensors, by name, tell."""

    def side(layer: str, axis: int) -> int:
        shape = shapes.get(f"{layer}.weight", ())
        return shape[axis] if axis < len(shape) else 0

    def residuals(of: str) -> int:
        return next(n for n in count() if f"{of}.{n}.first.conv.weight" not in shapes)

    dims, modules, level = [side("features.0.conv", 0)], [], "hourglasses.0"
    while side(f"{level}.down.0.first.conv", 0):
        dims.append(side(f"{level}.down.0.first.conv", 0))
        modules.append(residuals(f"{level}.skip"))
        level += ".inner"
    stacks = next(n for n in count() if f"features.{n}.conv.weight" not in shapes)
    merge = {"merge_kernel": side("merges.0.from_input.conv", 2)} if stacks > 1 else {}
    return merge | {
        "stacks": stacks,
        "dims": tuple(dims),
        "modules": (*modules, residuals(level)),
        "stem_channels": side("stem.0.conv", 0),
        "pool_channels": side("top_left.0.pooling.vertical.conv", 0),
        "add_predictions": "merges.0.from_predictions.conv.weight" in shapes,
    }
