"""What every command line has: the params of a profile, and the model or test that it names."""

import argparse
from pathlib import Path

from cornernet.config import Params, load_params, resolve_variant
from cornernet.config.profiles import default_profile
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Tested
from cornernet.pipeline.stage import Key, Stage, key_from


def params_of(options: argparse.Namespace, shipped: bool = False) -> Params:
    """The params of `--profile` (default: the one that params/profile.yaml names) and `--set`.

    Raises BadInput without a folder params/ here, unless the `shipped` ones will do: those that are
    installed with the package, for commands that work outside the repository.
    """
    if not (shipped or Path("params").is_dir()):
        raise BadInput("no folder params/ here; run this in the root of the repository")
    return load_params(options.profile or default_profile(), options.set)


def key_of(options: argparse.Namespace, params: Params, stage: Stage) -> Key:
    """The job of a stage that `--variant`, `--seed`, `--split` and `--mode` name.

    Raises BadInput for a variant or a split that the profile does not name.
    """
    if not stage.keys:
        return None
    resolve_variant(params, options.variant)  # refuses one that the profile does not have
    seed = params.train.seeds[0] if options.seed is None else options.seed
    key = key_from({name: getattr(options, name) for name in stage.keys} | {"seed": seed})
    if isinstance(key, Tested) and key.split not in params.data.splits:
        known = ", ".join(params.data.splits)
        raise BadInput(f"profile {params.profile} names no split {key.split!r} (it has {known})")
    return key
