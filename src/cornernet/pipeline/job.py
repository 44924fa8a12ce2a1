"""One run of a stage: what its adapter is given, and what is checked and recorded around it."""

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from cornernet import __version__
from cornernet.config import Params, resolve_variant
from cornernet.config.schema import TestedRow
from cornernet.data.coco.dataset import Dataset, read_dataset
from cornernet.errors import BadInput
from cornernet.files import write_json
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Tested, Trained
from cornernet.pipeline.provenance import git_commit, hardware, versions
from cornernet.pipeline.stage import Key, Stage, model_of, options_of, test_of, variant_of
from cornernet.pipeline.staleness.code import code_of, forget
from cornernet.pipeline.staleness.resolved import (
    files_of_job,
    params_of_job,
    refresh_state,
    refuse_changed,
    write_files,
)


class Job:
    """One run of a stage, as its adapter sees it; `profile` are the params without a variant's."""

    def __init__(
        self, stage: Stage, key: Key, profile: Params, options: argparse.Namespace
    ) -> None:
        self.stage, self.key, self.profile, self.options = stage, key, profile, options
        variant = variant_of(key)
        self.params = profile if variant is None else resolve_variant(profile, variant)
        self.graph = Graph(profile)
        self.paths = self.graph.paths
        self.root = Path(profile.data.root)  # the folder of the data set
        # Digests of the modules that decide the result, taken now: they may be edited meanwhile.
        self.code = code_of(stage.deciding)

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
    name = job.stage.job_name(job.key)
    files = files_of_job(graph, job.stage, job.key)
    write_files(files)
    reads = job.stage.reads(job.key)
    if reads:
        refuse_changed(job.profile, job.dataset, reads)
    facts = adapter(job)
    if reads:  # nor may they have changed meanwhile
        refuse_changed(job.profile, job.dataset, reads)
    if facts is HELPED:
        return
    write_json(
        job.stage.provenance(graph.paths, job.key),
        {
            "profile": job.profile.profile,
            "stage": job.stage.name,
            "params": params_of_job(job.profile, job.stage, job.key),
            "code": job.code,
            "commit": git_commit(),
            "version": __version__,
            "packages": versions(),
            "python": platform.python_version(),
            "hardware": hardware(),
            "seconds": round(time.monotonic() - began, 1),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": {name: job.dataset.splits[name].digests for name in reads},
            **(facts or {}),
        },
    )
    # The result is of the params and the code that the job began with, whatever was edited since.
    forget(graph.paths, name)
    write_files({**files, graph.paths.code(name): yaml.safe_dump(job.code)})


def _require_inputs(job: Job) -> None:
    """Raise BadInput for each input that is missing, with the command that makes it."""
    init = Path(job.params.train.init or "")
    if missing := [
        path
        for path in job.stage.inputs(job.graph, job.key)
        if not (path.is_file() if path.suffix or path == init else path.is_dir())
    ]:
        remedies = {init: "; train.init names it: mend that path"}
        remedies |= {path: f"; `{command}` makes it" for path, command in _commands(job).items()}
        raise BadInput(
            f"{path} is {'no file' if path.exists() else 'not there'}{remedies.get(path, '')}"
            for path in missing
        )


def _commands(job: Job) -> dict[Path, str]:
    """The command that makes each output of the profile, and of the job's own model and test."""
    params, options = job.profile, options_of(job.profile, job.options.set)
    if job.key is not None:  # which the profile need not name
        own = job.key if isinstance(job.key, Tested) else Tested(job.key, "val", "single_scale")
        row = TestedRow((own.trained.variant,), own.split, (own.mode,))
        train = replace(params.train, seeds=tuple({*params.train.seeds, own.trained.seed}))
        params = replace(params, tested=(*params.tested, row), train=train)
    return {
        path: stage.command_line(options, key)
        for stage in STAGES.values()
        for key in stage.jobs(Graph(params))
        for path in stage.outputs(job.paths, key)
    }
