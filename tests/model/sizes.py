"""A network small enough for tests, with every part of the full one."""

from dataclasses import replace

import torch

from cornernet.config import load_params
from cornernet.config.schema import Model
from cornernet.model.network import CornerNet

TINY = Model(
    stacks=2,
    dims=(8, 8, 12),
    modules=(2, 1, 2),
    stem_channels=4,
    pool_channels=6,
    merge_kernel=3,
    corner_pooling=True,
    add_predictions=False,
    heatmap_bias=-4.59511985013459,
    batch_norm_weight="ones",
)
TEXT, CODE = (load_params(profile).losses for profile in ("paper", "as_run"))


def tiny_network(num_categories=3, seed=0, **changes):
    """A network of TINY's sizes, but for the changes."""
    torch.manual_seed(seed)
    return CornerNet(num_categories, replace(TINY, **changes))
