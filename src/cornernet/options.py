"""What every command line has: the params of a profile, and the model or test that it names."""

import argparse
from pathlib import Path

from cornernet.config import Params, load_params
from cornernet.config.profiles import default_profile
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Tested, Trained


def params_of(options: argparse.Namespace, shipped: bool = False) -> Params:
    """The params of `--profile` (default: the one that params/profile.yaml names) and `--set`.

    Raises BadInput without a folder params/ here, unless the `shipped` ones will do: those that are
    installed with the package, for commands that work outside the repository.
    """
    if not (shipped or Path("params").is_dir()):
        raise BadInput("no folder params/ here; run this in the root of the repository")
    return load_params(options.profile or default_profile(), options.set)


def trained_of(options: argparse.Namespace, params: Params) -> Trained:
    """The model that `--variant` and `--seed` name."""
    seed = params.train.seeds[0] if options.seed is None else options.seed
    return Trained(options.variant, seed)


def tested_of(options: argparse.Namespace, params: Params) -> Tested:
    """The test that `--variant`, `--seed`, `--split` and `--mode` name."""
    split = getattr(options, "split", "test_dev")
    if split not in params.data.splits:
        known = ", ".join(params.data.splits)
        raise BadInput(f"profile {params.profile} names no split {split!r} (it has {known})")
    return Tested(trained_of(options, params), split, options.mode)


def existing(path: Path, stage: str) -> Path:
    """`path`, which `stage` makes; raises BadInput naming that stage if it is not there."""
    if not path.is_file():
        raise BadInput(f"{path} is not there; `cornernet {stage}` makes it")
    return path
