"""Fine-tuning: a training that starts from the weights of a network with other categories.

All tensors are taken but those that depend on the categories, which are drawn as for any untrained
network: the heatmap branches, and what adds intermediate predictions back to the features.
"""

import re
from dataclasses import asdict
from pathlib import Path

import torch

from cornernet.errors import BadInput
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights, num_categories, read_metadata
from cornernet.training.job import TrainingJob, plain
from cornernet.training.state import TrainingState

DRAWN_ANEW = re.compile(r"(.+\.(heatmap|from_predictions))\.")
HOW_DRAWN = ("heatmap_bias", "batch_norm_weight")  # params of untrained networks alone


def state_from_weights(job: TrainingJob, init: Path) -> TrainingState:
    """The state of `job`'s network before its first iteration, with the weights of `init`.

    Adam has no moments yet. What is drawn anew is told. Raises BadInput for a file without weights
    or without their description, and for weights of another network, naming the params that differ.
    """
    params, categories = job.params.model, num_categories(init)
    found, asked = read_metadata(init).get("model", {}), plain(asdict(params))
    if other := [
        f"{name}: {found.get(name)} -> {value}"
        for name, value in asked.items()
        if found.get(name) != value and name not in HOW_DRAWN
    ]:
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
        f"taken, drawn at random for {job.num_categories} categories: {', '.join(anew)}"
    )
    return TrainingState(0, model.state_dict(), {}, torch.get_rng_state())
