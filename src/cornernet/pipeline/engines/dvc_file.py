"""dvc.yaml: the stages of the profile that params/profile.yaml names, written from the description.

DVC can neither follow a profile that extends another nor choose stages by a value, so the file
holds one profile's jobs, written out. Stage names carry the profile: dvc.lock remembers the others.
"""

from pathlib import Path
from typing import Any

import yaml

from cornernet.config.profiles import default_profile
from cornernet.errors import BadInput
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import PROFILE, Paths
from cornernet.pipeline.stage import Key, Stage, options_of

DVC_FILE = Path("dvc.yaml")
REWRITE = "cornernet dvc-yaml"
HEADER = """\
# Written by `cornernet dvc-yaml`: the stages of profile {profile}, which params/profile.yaml names.
# Write it again after that line, variants, seeds or tests changed. What each stage is: see
# src/cornernet/pipeline/descriptions. Snakemake alone assigns GPUs to jobs that run side by side;
# `dvc repro` runs one stage after the other.
"""


def dvc_text(graph: Graph) -> str:
    """The content of dvc.yaml for a profile. Raises BadInput for what DVC cannot run."""
    if graph.imported:
        raise BadInput(
            "imported weights are a target of snakemake alone: "
            "snakemake released_weights --config weights=FILE"
        )
    stages = {dvc_name(graph.paths, "inputs", None): _inputs(graph)}
    for stage in STAGES.values():
        for key in stage.jobs(graph):
            stages[dvc_name(graph.paths, stage.name, key)] = _job(graph, stage, key)
    text = yaml.safe_dump({"stages": stages}, sort_keys=False, width=1000)
    return HEADER.format(profile=graph.paths.profile) + text


def check_dvc_file(graph: Graph) -> None:
    """Raises BadInput if dvc.yaml is not what the profile asks for."""
    written = DVC_FILE.read_text() if DVC_FILE.is_file() else ""
    if (followed := default_profile()) != graph.paths.profile or written != dvc_text(graph):
        raise BadInput(
            f"{DVC_FILE} does not hold the stages of profile {graph.paths.profile} ({PROFILE} "
            f"names {followed}); write it again: {REWRITE}"
        )


def dvc_name(paths: Paths, stage: str, key: Key) -> str:
    """What DVC calls a job: "train-smoke-baseline-s0"."""
    return "-".join([stage, paths.profile, *([] if key is None else [str(key)])])


def _inputs(graph: Graph) -> dict[str, Any]:
    """The first stage: what Snakemake does when it loads the Snakefile.

    It always runs, since DVC sees neither images that were replaced nor what code decides.
    """
    paths = graph.paths
    uncached = {"cache": False, "persist": True}
    return {
        "desc": "each job's params and digests of its code; whether the data are as prepared",
        "cmd": f"cornernet inputs {options_of(graph.params)}",
        "deps": ["params"],
        "always_changed": True,
        "outs": [
            {str(paths.data / "params"): uncached},
            {str(paths.data / "code"): uncached},
            {str(paths.files): uncached},
            {str(paths.accepted): {"persist": True}},
        ],
    }


def _job(graph: Graph, stage: Stage, key: Key) -> dict[str, Any]:
    paths = graph.paths
    user_files = stage.user_files(graph, key)
    folders = {path.parent for path in user_files}  # whether or not the user has put them there
    inputs = [path for path in stage.all_inputs(graph, key) if path.parent not in folders]
    params = stage.params_file(paths, key) if stage.params else None
    job: dict[str, Any] = {
        "desc": stage.summary,
        "cmd": stage.command_line(options_of(graph.params), key),
        "deps": [str(path) for path in (*inputs, *sorted(folders)) if path != params],
    }
    if params is not None:
        job["params"] = [{str(params): None}]
    outputs = list(stage.outputs(paths, key))
    if stage.metrics:
        return job | {"metrics": [str(path) for path in outputs]}
    curves = [path for path in outputs if stage.plots and path.name.endswith(stage.plots)]
    rest = [str(path) for path in outputs if path not in curves]
    job["outs"] = rest if stage.cached else [{path: {"cache": False}} for path in rest]
    if curves:
        axes = {"x": "iteration", "y": "total", "title": "training loss"}
        job["plots"] = [{str(path): axes} for path in curves]
    return job
