"""One run of a stage: what its adapter is given, and what is checked and recorded around it."""

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.dataset import Dataset, read_dataset
from cornernet.errors import BadInput
from cornernet.files import write_json
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Tested, Trained
from cornernet.pipeline.provenance import describe
from cornernet.pipeline.stage import Key, Stage, model_of, options_of, test_of, variant_of
from cornernet.pipeline.staleness.accepted import forget
from cornernet.pipeline.staleness.code import code_of
from cornernet.pipeline.staleness.dataset_state import files_as_prepared
from cornernet.pipeline.staleness.resolved import (
    files_of_job,
    params_of_job,
    refresh_state,
    write_files,
)


@dataclass(frozen=True)
class Job:
    """One run of a stage, as its adapter sees it; `profile` are the params without a variant's."""

    stage: Stage
    key: Key
    profile: Params
    options: argparse.Namespace

    @cached_property
    def params(self) -> Params:
        """The params of the job's variant; those of the profile where it has none."""
        variant = variant_of(self.key)
        return self.profile if variant is None else resolve_variant(self.profile, variant)

    @cached_property
    def graph(self) -> Graph:
        """What the profile asks to be run."""
        return Graph(self.profile)

    @property
    def paths(self) -> Paths:
        """Where the profile's files lie."""
        return self.graph.paths

    @property
    def trained(self) -> Trained:
        """The model that the job is about."""
        return model_of(self.key)

    @property
    def tested(self) -> Tested:
        """The test that the job is about."""
        return test_of(self.key)

    @cached_property
    def dataset(self) -> Dataset:
        """What `prepare` found."""
        return read_dataset(self.paths.dataset)

    @cached_property
    def code(self) -> dict[str, str]:
        """Digests of the modules that decide the result, as they were when the job began."""
        return code_of(self.stage.deciding)

    @property
    def root(self) -> Path:
        """The folder of the data set."""
        return Path(self.profile.data.root)


Adapter = Callable[[Job], dict[str, Any] | None]
# What an adapter returns on a machine that helped another one, which writes the result.
HELPED: dict[str, Any] = {}


def run_job(job: Job, adapter: Adapter) -> None:
    """Run a stage: inputs are checked before, and how its outputs were made is recorded after.

    Raises BadInput for an input that is missing, or that is not the one that `prepare` described.
    """
    began, graph = time.monotonic(), job.graph
    if {graph.paths.files, graph.paths.accepted} & set(job.stage.inputs(graph, job.key)):
        refresh_state(graph)
    _require_inputs(job)
    name, code = job.stage.job_name(job.key), job.code  # taken now: it may be edited meanwhile
    files = files_of_job(graph, job.stage, job.key)
    write_files(files)
    reads = job.stage.reads(job.key)
    with files_as_prepared(job.profile, job.dataset, reads) if reads else nullcontext():
        facts = adapter(job)
    if facts is HELPED:
        return
    write_json(
        job.stage.provenance(graph.paths, job.key),
        {
            "profile": job.profile.profile,
            "stage": job.stage.name,
            **describe(
                params_of_job(job.profile, job.stage, job.key), code, time.monotonic() - began
            ),
            "data": {name: job.dataset.splits[name].digests for name in reads},
            **(facts or {}),
        },
    )
    # The result is of the params and the code that the job began with, whatever was edited since.
    forget(graph.paths, name)
    write_files({**files, graph.paths.code(name): yaml.safe_dump(code)})


def _require_inputs(job: Job) -> None:
    """Raise BadInput for each input that is missing, with the command that makes it."""
    problems = [
        f"{path} is {'no file' if path.exists() else 'not there'}; `{command}` makes it"
        for path in job.stage.inputs(job.graph, job.key)
        if not (path.is_file() if path.suffix else path.is_dir())
        if (command := _maker(path, job)) is not None
    ]
    if problems:
        raise BadInput(problems)


def _maker(path: Path, job: Job) -> str | None:
    """The command that makes a file; None for what `cornernet` itself writes, or a user's file."""
    options = options_of(job.profile, job.options.set)
    for stage in STAGES.values():
        for key in (*stage.jobs(job.graph), *_kin(stage, job)):
            if path in stage.outputs(job.paths, key):
                return stage.command_line(options, key)
    return None


def _kin(stage: Stage, job: Job) -> list[Key]:
    """The jobs of another stage that a job's own key spells, in the profile's tests or not."""
    if job.key is None or not stage.keys:
        return []
    trained = job.graph.weights_of(job.trained)
    if "mode" not in stage.keys:
        parent = job.graph.parent(trained)
        return [trained, *([] if parent is None else [parent])]
    return [job.key] if isinstance(job.key, Tested) else []
