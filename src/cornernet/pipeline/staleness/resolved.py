"""What a job depends on besides other stages' outputs, as files that both workflow engines see.

Neither engine sees a params file that extends another, nor the modules behind a shell command, nor
images that were replaced under the same names. All of it lies in files, which are rewritten only
when their content changes: the params and the code of each job, and the state of the data set.
"""

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from cornernet.config import Params, resolve_variant
from cornernet.files import write_if_changed
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.stage import Key, Stage, variant_of
from cornernet.pipeline.staleness.accepted import as_accepted
from cornernet.pipeline.staleness.code import code_of
from cornernet.pipeline.staleness.dataset_state import state_of_files
from cornernet.training.job import plain

# Params that change how a stage runs, and not what it makes.
NOT_RESULT = {"detection": ("batch_size", "compile")}


def refresh(graph: Graph) -> None:
    """Write the files of every job of a profile, those whose content changed."""
    for stage in STAGES.values():
        for key in stage.jobs(graph):
            write_files(files_of_job(graph, stage, key))
    refresh_state(graph)


def refresh_state(graph: Graph) -> None:
    """Write files.yaml, and an empty accepted.yaml where there is none."""
    if not graph.paths.accepted.is_file():
        write_if_changed(graph.paths.accepted, "[]\n")
    write_if_changed(graph.paths.files, state_of_files(graph.params))


def files_of_job(graph: Graph, stage: Stage, key: Key) -> dict[Path, str]:
    """The params and code files of a job, and what is to be in them now."""
    job = stage.job_name(key)
    code = as_accepted(graph.paths, job, code_of(stage.deciding))
    files = {graph.paths.code(job): yaml.safe_dump(code)}
    if stage.params:
        tree = params_of_job(graph.params, stage, key)
        files[stage.params_file(graph.paths, key)] = yaml.safe_dump(tree)
    return files


def write_files(files: dict[Path, str]) -> None:
    """Write the files whose content is not yet so."""
    for path, text in files.items():
        write_if_changed(path, text)


def params_of_job(profile: Params, stage: Stage, key: Key) -> dict[str, Any]:
    """The part of the params that changes what a job makes, as plain values."""
    variant = variant_of(key) if stage.by_variant else None
    if variant is None:
        return stage_params(profile, stage.name)
    asked = profile.variants[variant]
    own = {"continues": asked.continues, "weights_of": asked.weights_of}
    return own | stage_params(resolve_variant(profile, variant), stage.name)


def stage_params(params: Params, stage: str) -> dict[str, Any]:
    """The part of (a variant's) params that changes what `stage` makes, as plain values."""
    tree = plain(dataclasses.asdict(params))
    result: dict[str, Any] = {}
    for name in STAGES[stage].params:
        section, _, key = name.partition(".")
        if key:
            result.setdefault(section, {})[key] = tree[section][key]
        elif isinstance(tree[section], dict):
            left_out = NOT_RESULT.get(section, ())
            result[section] = {k: v for k, v in tree[section].items() if k not in left_out}
        else:
            result[section] = tree[section]
    return result
