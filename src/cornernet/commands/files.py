"""Commands that write a file each: for the workflow engines, and what people give or keep."""

import argparse
import json

from cornernet.config import load_params
from cornernet.config.profiles import default_profile
from cornernet.errors import BadInput
from cornernet.files import write_if_changed, write_text
from cornernet.options import params_of
from cornernet.pipeline.engines.dvc_file import DVC_FILE, check_dvc_file, dvc_text
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Trained
from cornernet.pipeline.staleness.code import accept as keep
from cornernet.pipeline.staleness.code import matching
from cornernet.pipeline.staleness.resolved import refresh


def accept(options: argparse.Namespace) -> None:
    """Record the reason, so that neither engine makes the results anew.

    Raises BadInput for a pattern that no job fits, and for a reason that says nothing.
    """
    graph = Graph(params_of(options))
    if not options.because.strip():
        raise BadInput("--because is empty; say why the results still hold, the report shows it")
    if not list(matching(graph, options.pattern)):
        raise BadInput(
            f"{options.pattern!r} fits no job of profile {graph.paths.profile}; give a stage, a "
            "job or an output, such as train, 'train-baseline-*' or 'data/*/models/*'"
        )
    kept = keep(graph, options.pattern, options.because.strip())
    refresh(graph)
    if kept:
        print(f"accept: {', '.join(kept)} kept; {graph.paths.accepted} has the reason")
    else:
        print("accept: the code of these results is what they were made with; nothing to keep")


def inputs(options: argparse.Namespace) -> None:
    """Write the files whose content changed. Raises BadInput if dvc.yaml is another profile's."""
    graph = Graph(params_of(options))
    check_dvc_file(graph)
    refresh(graph)


def dvc_yaml(options: argparse.Namespace) -> None:
    """Write dvc.yaml for params/profile.yaml's profile. Raises BadInput if DVC cannot run that."""
    profile = default_profile()
    write_if_changed(DVC_FILE, dvc_text(Graph(load_params(profile))))
    print(f"{DVC_FILE}: the stages of profile {profile}")


def import_weights(options: argparse.Namespace) -> None:
    """Read a released state dict, without running code that it may hold, and write safetensors."""
    from cornernet.model.weights import import_released, save_weights  # with torch

    params = params_of(options)
    tensors = import_released(options.released, params.model)
    save_weights(options.out, tensors)
    print(f"{options.out}: {len(tensors)} tensors under profile {params.profile}")


def record_effects(options: argparse.Namespace) -> None:
    """Write the profile's effects into the package, with the provenance of their trainings."""
    from cornernet.reporting import text_and_code as kept  # with pandas
    from cornernet.reporting.tables.differences import DIFFERENCE_COLUMNS
    from cornernet.reporting.tables.results import read_csv

    params = params_of(options)
    paths = Paths(params.profile)
    made = paths.model_provenance(Trained(kept.REFERENCE, params.train.seeds[0]))
    for path, stage in ((paths.differences, "tables"), (made, "train")):
        if not path.is_file():
            raise BadInput(f"{path} is not there; `cornernet {stage}` makes it")
    effects = kept.found_effects(read_csv(paths.differences, DIFFERENCE_COLUMNS))
    if not effects:
        raise BadInput(
            f"{paths.differences} has no effect to record: profile {params.profile} has no variant "
            "that reporting/text_and_code.yaml names; try --profile differences"
        )
    write_text(kept.FILE, kept.recorded_text(effects, json.loads(made.read_text())))
    print(f"record-effects: {kept.FILE}, effects: {len(effects)}")
