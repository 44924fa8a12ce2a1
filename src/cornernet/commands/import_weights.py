"""`cornernet import-weights`: the authors' released weights in this project's format."""

import argparse

from cornernet.model.weights import import_released, save_weights
from cornernet.options import params_of


def run(options: argparse.Namespace) -> None:
    """Read a released state dict, without running code that it may hold, and write safetensors."""
    params = params_of(options)
    tensors = import_released(options.released, params.model)
    save_weights(options.out, tensors)
    print(f"{options.out}: {len(tensors)} tensors under profile {params.profile}")
