"""Commands that write a file each: for the workflow engines, and what people give or keep."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from cornernet.config import load_params, resolve_variant
from cornernet.config.profiles import default_profile, params_folder
from cornernet.data.coco.dataset import read_dataset
from cornernet.errors import BadInput
from cornernet.files import write_if_changed, write_json, write_text
from cornernet.options import params_of
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.descriptions.models import TRAIN
from cornernet.pipeline.engines.dvc_file import DVC_FILE, check_dvc_file, dvc_text
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import TRAINING_NOISE, Paths, Trained
from cornernet.pipeline.provenance import read_provenance
from cornernet.pipeline.stage import options_of
from cornernet.pipeline.staleness.code import accept as keep
from cornernet.pipeline.staleness.code import code_of, matching
from cornernet.pipeline.staleness.resolved import refresh
from cornernet.pipeline.staleness.training_key import training_keys


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


def params_schema(options: argparse.Namespace) -> None:
    """Write the JSON Schema of profiles, by which editors check and complete them."""
    from cornernet.config.json_schema import FILE, profile_schema  # with pydantic

    params_of(options)  # refuses a folder without params/
    path = params_folder() / FILE
    write_json(path, profile_schema())
    print(f"{path}: the schema of profiles")


def import_weights(options: argparse.Namespace) -> None:
    """Read a released state dict, without running code that it may hold, and write safetensors.

    Weights of this project that do not say what they are get the words of a profile and a variant.
    """
    from cornernet.data.coco.categories import categories_of
    from cornernet.library.description import Description, described
    from cornernet.model.network import CornerNet  # with torch
    from cornernet.model.released import import_released
    from cornernet.model.weights import CATEGORY_TENSOR, load_weights, save_weights

    if options.released.suffix == ".safetensors":
        params = resolve_variant(params_of(options), options.variant)
        dataset = read_dataset(Paths(params.profile).dataset)
        description = described(params, options.variant, dataset)
        model = CornerNet(len(dataset.categories), params.model)
        load_weights(options.released, model)
        tensors = model.state_dict()
    else:
        params = load_params(options.profile or "released", options.set)
        tensors = import_released(options.released, params.model)
        names = categories_of(len(tensors[CATEGORY_TENSOR]))
        settings = (params.model, params.detection)
        description = Description(params.profile, "released_weights", None, names, *settings)
    save_weights(options.out, tensors, asdict(description))
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


def record_noise(options: argparse.Namespace) -> None:
    """Add the profile's models with their scores to the record of training noise."""
    import pandas as pd

    from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv
    from cornernet.reporting.training_noise import (
        RECORD_COLUMNS,
        append_record,
        scores_of_models,
    )

    graph = Graph(params_of(options))
    paths, dataset = graph.paths, read_dataset(graph.paths.dataset)
    for path in (paths.results, paths.corner_scores):
        if not path.is_file():
            raise BadInput(f"{path} is not there; `cornernet tables` makes it")
    _refuse_outdated(graph)
    tables = [read_csv(path, RESULT_COLUMNS) for path in (paths.results, paths.corner_scores)]
    scored = pd.concat(tables)
    scored = scored[~scored["metric"].str.contains("-")]  # of all categories: no claim is of one
    scores = scores_of_models(scored, graph.owners)
    keys, rows = training_keys(graph, dataset), []
    for variant, seed in scores.index:
        if variant not in keys:  # weights of others
            continue
        made = json.loads(paths.model_provenance(Trained(variant, seed)).read_text())
        if made["code"] != code_of(TRAIN.deciding):
            raise BadInput(f"{variant}-s{seed} was trained by other code; run the profile again")
        about = (paths.profile, variant, seed, keys[variant], made["finished"][:10])
        versions = f"torch {made['packages']['torch']}"
        rows.append((*about, made["hardware"]["processor"], versions, *scores.loc[variant, seed]))
    columns = [*RECORD_COLUMNS, *scores.columns]
    append_record(TRAINING_NOISE, pd.DataFrame(rows, columns=columns))
    print(f"record-noise: {TRAINING_NOISE}, models: {len(rows)}")


def _refuse_outdated(graph: Graph) -> None:
    """Raise BadInput if results.csv, or what it is made of back to the models, is outdated."""
    made: dict[Path, str] = {}  # output -> when it was made
    for name in ("train", "predict", "corners", "submit", "evaluate", "tables"):
        stage = STAGES[name]
        for key in stage.jobs(graph):
            outputs = stage.outputs(graph.paths, key)
            finished = read_provenance(stage.provenance(graph.paths, key)).get("finished", "")
            for path in stage.inputs(graph, key):
                if made.get(path, "") > finished:
                    remedy = stage.command_line(options_of(graph.params), key)
                    raise BadInput(f"{outputs[0]} is older than {path}; `{remedy}` makes it anew")
            made |= dict.fromkeys(outputs, finished)
