"""`cornernet crate`: a finished run as a Provenance Run Crate, a zip that describes its content.

Written from the description of the stages and from what each job recorded, by the profile
https://w3id.org/ro/wfrun/provenance/0.5. Which engine called the stages is not recorded, so no
OrganizeAction says it. States to go on from (.state) are three times as large as the weights: they
are named and not packed.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornernet import __version__
from cornernet.errors import BadInput, first_of
from cornernet.files import hash_file, replacing
from cornernet.options import params_of
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.provenance import read_provenance
from cornernet.pipeline.stage import Key, Stage, options_of

if TYPE_CHECKING:
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

WORKFLOW, RULES = Path("Snakefile"), Path("workflow/rules")
STATE = ".state"
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
LICENCE = "https://spdx.org/licenses/BSD-3-Clause"
Job = tuple[Stage, Key]


def run(options: argparse.Namespace) -> None:
    """Pack the run. Raises BadInput if it is not finished, or if the package rocrate is missing."""
    graph = Graph(params_of(options))
    jobs = [(stage, key) for stage in STAGES.values() for key in stage.jobs(graph)]
    made = [path for stage, key in jobs for path in stage.outputs(graph.paths, key)]
    packed = [WORKFLOW, *(path for path in made if path.suffix != STATE)]
    if missing := [str(path) for path in packed if not path.exists()]:
        raise BadInput(
            f"{first_of(missing)}: not there, so the run is not finished; `snakemake --cores all "
            f"--config profile={graph.paths.profile}` finishes it"
        )
    try:
        crate = run_crate(graph, jobs, options_of(graph.params, options.set))
    except ImportError as error:
        raise BadInput(f"{error}; `pip install rocrate` brings it") from None
    with replacing(graph.paths.crate) as temporary:
        crate.write_zip(temporary)
    print(f"crate: {graph.paths.crate}, jobs: {len(jobs)}")


def run_crate(graph: Graph, jobs: Sequence[Job], options: str) -> "ROCrate":
    """The crate: the files of the run, its jobs as actions, its stages as steps of the workflow.

    `options` are those of the jobs' command lines. Files are hashed here, and copied when the crate
    is written.
    """
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(CONTEXT)
    _describe(crate, graph)
    types = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
    workflow = crate.add_workflow(
        WORKFLOW, WORKFLOW, main=True, lang="snakemake", properties={"@type": types}
    )
    for path in sorted(RULES.glob("*.smk")):
        _file(crate, path)
    for position, name in enumerate(dict.fromkeys(stage.name for stage, _ in jobs)):
        _add_stage(crate, workflow, STAGES[name], position)
    actions = [_add_job(crate, graph, job, options) for job in jobs]
    made = {id(one): one for action in actions for one in action["result"]}
    used = {id(one): one for action in actions for one in action.get("object", [])}
    times = [one[key] for one in actions for key in ("startTime", "endTime") if key in one]
    run = crate.add_action(
        workflow,
        identifier="#run",
        object=[one for key, one in used.items() if key not in made],
        result=[one for key, one in made.items() if key not in used],
        properties={
            "name": f"run of profile {graph.paths.profile}",
            "description": f"snakemake --cores all --config profile={graph.paths.profile}",
            "startTime": min(times),
            "endTime": max(times),
        },
    )
    crate.root_dataset["mentions"] = [run, *actions]
    return crate


def _describe(crate: "ROCrate", graph: Graph) -> None:
    """What the crate as a whole is."""
    crate.name = graph.params.report.title
    crate.description = f"Results of profile {graph.paths.profile}, by cornernet {__version__}"
    crate.license = _context(crate, LICENCE, "CreativeWork", name="BSD 3-Clause License")
    crate.root_dataset["conformsTo"] = [
        _context(crate, url, "CreativeWork", name=name, version=url.rpartition("/")[2])
        for url, name in PROFILES.items()
    ]


def _add_stage(crate: "ROCrate", workflow: "Entity", stage: Stage, position: int) -> None:
    """Add a stage: its command as a tool of the workflow, its place there as a step."""
    about = {"name": f"cornernet {stage.command}", "softwareVersion": __version__}
    tool = _context(crate, f"#tool-{stage.name}", "SoftwareApplication", **about)
    place = {"name": stage.summary, "position": position}
    step = _context(crate, f"#step-{stage.name}", "HowToStep", **place)
    step["workExample"] = tool
    workflow.append_to("hasPart", tool)
    workflow.append_to("step", step)


def _add_job(crate: "ROCrate", graph: Graph, job: Job, options: str) -> "Entity":
    """Add a job: what ran when, on which files, and for which step of the workflow."""
    stage, key = job
    name, record = stage.job_name(key), stage.provenance(graph.paths, key)
    inputs = [*stage.all_inputs(graph, key), *stage.user_files(graph, key)]
    action = crate.add_action(
        crate.get(f"#tool-{stage.name}"),
        identifier=f"#run-{name}",
        object=[_file(crate, path) for path in _files(inputs)],
        result=[_file(crate, path) for path in _files(stage.outputs(graph.paths, key))],
        properties={
            "name": name,
            "description": stage.command_line(options, key),
            **_times(read_provenance(record)),
        },
    )
    for path in _files([record]):
        _file(crate, path)["about"] = action
    control = _context(crate, f"#control-{name}", "ControlAction", name=f"step of {name}")
    control["instrument"], control["object"] = crate.get(f"#step-{stage.name}"), action
    return action


def _times(made: dict[str, Any]) -> dict[str, str]:
    """When a job began and ended; nothing for weights that were imported, which record no time."""
    if "finished" not in made:
        return {}
    end = datetime.fromisoformat(made["finished"])
    start = end - timedelta(seconds=made["seconds"])
    return {"startTime": start.isoformat(timespec="seconds"), "endTime": end.isoformat()}


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files among `paths`, those in folders too; and states, whether they are there or not."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        elif path.is_file() or path.suffix == STATE:
            yield path


def _file(crate: "ROCrate", path: Path) -> "Entity":
    """The entity of a file, under the path that it has in the repository; added if it is new."""
    if path.suffix == STATE:
        identifier = f"#{path}"
        return crate.get(identifier) or _context(crate, identifier, "CreativeWork", name=path.name)
    known = crate.get(str(path))
    if known is not None:
        return known
    digest = hash_file(path)
    properties = {"name": path.name, "sha256": digest.sha256, "contentSize": str(digest.size)}
    return crate.add_file(path, path, properties=properties)


def _context(crate: "ROCrate", identifier: str, kind: str, **properties: Any) -> "Entity":
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))
