"""What a job depends on besides other stages' outputs, as files that both workflow engines see.

Neither engine sees a params file that extends another, nor the modules behind a shell command, nor
images that were replaced under the same names. All of it lies in files, which are rewritten only
when their content changes: the params and the code of each job, and the state of the data set,
for which sizes and times of all files are listed, and what changed in these is read again.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.dataset import Dataset, read_dataset
from cornernet.data.coco.split_digests import changed_inputs, split_digests
from cornernet.errors import BadInput
from cornernet.files import write_if_changed
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.stage import Key, Stage, variant_of
from cornernet.pipeline.staleness.code import as_accepted, code_of
from cornernet.training.job import plain

UNCHANGED = "{}\n"  # what files.yaml says before `prepare`
UNREADABLE = "dataset.json cannot be read\n"
# Params that change how a stage runs, and not what it makes.
NOT_RESULT = {"detection": ("batch_size",)}
# Where these are not set nothing is said of them: results from before there were such params hold.
LEFT_OUT_IF_NONE = ("train.init",)


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
        if name in LEFT_OUT_IF_NONE and tree[section][key] is None:
            continue
        if key:
            result.setdefault(section, {})[key] = tree[section][key]
        elif isinstance(tree[section], dict):
            left_out = NOT_RESULT.get(section, ())
            result[section] = {k: v for k, v in tree[section].items() if k not in left_out}
        else:
            result[section] = tree[section]
    return result


def state_of_files(params: Params) -> str:
    """The content of files.yaml: the digests of the files, if these changed since `prepare`.

    `prepare` depends on files.yaml, and every other stage on `prepare`. dataset.json keeps what
    files.yaml said when the data set was prepared: it says so again once the old files are back.
    """
    paths = Paths(params.profile)
    if not paths.dataset.is_file():
        return paths.files.read_text() if paths.files.is_file() else UNCHANGED
    try:
        dataset, found = read_dataset(paths.dataset), {}
    except BadInput:  # of another version of the package: to be made again
        return UNREADABLE
    for name, files in params.data.splits.items():
        try:
            root, record = Path(params.data.root), paths.file_digests(name)
            found[str(name)], _ = split_digests(root, files, name, record)
        except BadInput:  # not there: to be fetched again, or told by the stage that needs it
            return dataset.prepared_with
    prepared = {name: split.digests for name, split in dataset.splits.items()}
    return dataset.prepared_with if found.items() <= prepared.items() else yaml.safe_dump(found)


def refuse_changed(params: Params, dataset: Dataset, names: Sequence[str]) -> None:
    """Raise BadInput if the files of one of these splits are not those that were prepared."""
    splits = {name: files for name, files in params.data.splits.items() if name in names}
    record_of = Paths(params.profile).file_digests
    if lines := changed_inputs(dataset, Path(params.data.root), splits, record_of):
        raise BadInput(lines)
