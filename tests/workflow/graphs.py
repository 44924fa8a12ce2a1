"""The jobs of both workflow engines, as the engines themselves list them."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workflow.clone import environment_of

# What Snakemake adds to a command: where it logs, and the GPUs that it gives to the job.
ADDED = re.compile(r" --devices \d+| 2>&1 \| tee -i \S+")
# The engines' own Python interfaces, in processes that stand in the clone.
LIST_JOBS = """
import json, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    workflow = api.workflow(ResourceSettings(cores=1), snakefile=Path("Snakefile"))
    workflow.dag().execute_workflow(executor="dryrun")
    dag = workflow._workflow.dag
    print(json.dumps([
        {
            "command": job.shellcmd,
            "inputs": [str(file) for file in job.input],
            "outputs": [str(file) for file in job.output],
            "to_run": dag.needrun(job),
        }
        for job in dag.jobs if job.shellcmd
    ]))
"""
LIST_STAGES = """
import json
from dvc.repo import Repo

def relative(path):
    return repo.fs.relpath(path, repo.root_dir)

with Repo(".") as repo:
    graph = repo.index.graph
    print(json.dumps([
        {
            "name": stage.addressing,
            "command": " ".join(stage.cmd.split()),
            "inputs": [relative(dep.fs_path) for dep in stage.deps],
            "params": {
                relative(dep.fs_path): list(dep.params)
                for dep in stage.deps if hasattr(dep, "params")
            },
            "outputs": [relative(out.fs_path) for out in stage.outs],
            "after": [other.addressing for other in graph.successors(stage)],
        }
        for stage in repo.index.stages
    ]))
"""


@dataclass(frozen=True)
class Job:
    """One command of Snakemake's, the files before and after it, and whether it is to be run."""

    command: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    to_run: bool


def snakemake_jobs(folder: Path) -> set[Job]:
    """Every job behind Snakemake's default target, done or not."""
    return {
        Job(
            ADDED.sub("", row["command"]),
            frozenset(row["inputs"]),
            frozenset(row["outputs"]),
            row["to_run"],
        )
        for row in _listed(folder, LIST_JOBS)
    }


def dvc_stages(folder: Path) -> list[dict]:
    """Every stage of DVC, with the names of those that it comes after."""
    return _listed(folder, LIST_STAGES)


def _listed(folder: Path, program: str) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment_of(folder),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def edges(jobs: set[Job]) -> set[tuple[str, str]]:
    """From a job to one that reads what it makes, by command."""
    maker = {file: job for job in jobs for file in job.outputs}
    return {
        (maker[file].command, job.command) for job in jobs for file in job.inputs if file in maker
    }
