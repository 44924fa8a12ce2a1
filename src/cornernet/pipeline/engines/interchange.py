"""Each workflow engine takes what the other has made as done, by the engines' own commands.

DVC remembers in dvc.lock which inputs every output was made from, Snakemake in its metadata and by
the files' times. `tell_dvc` commits to dvc.lock what Snakemake has made; `take_from_dvc` has
Snakemake drop its records of what DVC made since, and mark as up to date what DVC knows to be so.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from cornernet.config.profiles import default_profile
from cornernet.errors import BadInput
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.engines.dvc_file import check_dvc_file, dvc_name
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import PROFILE, Paths

LOCK = Path("dvc.lock")
AGREED = Path(".snakemake/dvc.lock.agreed")  # dvc.lock as it was when the engines last agreed
NESTED = "CORNERNET_NESTED_SNAKEMAKE"  # set while Snakemake is called from within Snakemake
TO_DO = "dvc commit --force"


def tell_dvc(graph: Graph, overrides: Sequence[str] = ()) -> str | None:
    """Tell DVC which of its stages are done; it keeps copies of their outputs in its cache.

    Returns a line to show if DVC could not be told.
    """
    if not _dvc_is_here():
        return None
    if (followed := default_profile()) != graph.paths.profile:
        return (
            f"DVC follows {PROFILE} ({followed}) and was not told of {graph.paths.profile}'s "
            f"results; to have it take them as done, name that profile there and type: "
            f"cornernet dvc-yaml && {TO_DO}"
        )
    try:
        check_dvc_file(graph)
    except BadInput as error:
        return f"DVC was not told: {'; '.join(error.problems)}"
    status = _run("dvc", "status", "--json")
    if status.returncode != 0:
        return f"DVC was not told ({_reason(status)}); to have it take the results as done: {TO_DO}"
    changed, done = set(json.loads(status.stdout)), _up_to_date_insnakemake_of(graph, overrides)
    stages = [
        name
        for name, outputs in outputs_by_stage(graph).items()
        if name in changed and done.issuperset(outputs)
    ]
    if stages:
        stages.append(dvc_name(graph.paths, "inputs", None))
        told = _run("dvc", "commit", "--force", "--no-relink", *stages)
        if told.returncode != 0:
            return (
                f"DVC was not told ({_reason(told)}); to have it take the results as done: {TO_DO}"
            )
    _agree()
    return None


def take_from_dvc(graph: Graph, overrides: Sequence[str] = ()) -> str | None:
    """Let Snakemake see what DVC has made since the two last agreed.

    Snakemake's records of these outputs tell of an earlier making and are dropped. Outputs that
    DVC knows to be up to date are touched, in the order of the graph. Returns a line to show if DVC
    could not be asked.
    """
    if NESTED in os.environ or not LOCK.is_file() or _agreed(graph.paths) or not _dvc_is_here():
        return None
    if default_profile() != graph.paths.profile:
        return None
    try:
        check_dvc_file(graph)
        made = _made_by_dvc()
    except (BadInput, yaml.YAMLError, KeyError) as error:
        return f"what DVC has made was not looked at ({' '.join(str(error).split())})"
    status = _run("dvc", "status", "--json")
    if status.returncode != 0:
        return f"what DVC has made was not looked at ({_reason(status)})"
    changed = set(json.loads(status.stdout or "{}"))
    outputs = outputs_by_stage(graph)
    forgotten = [path for name in made for path in outputs.get(name, []) if Path(path).exists()]
    if forgotten and Path(".snakemake/metadata").is_dir():
        snakemake_of(graph, overrides, "--cleanup-metadata", *forgotten)
    current = [path for name in _current(graph, changed) for path in outputs[name]]
    if current:
        snakemake_of(graph, overrides, "--touch", "--cores", "1", "--", *current)
    _agree()
    return None


def outputs_by_stage(graph: Graph) -> dict[str, list[str]]:
    """The outputs of every job, by the name that DVC gives it, in the order of the graph."""
    return {
        dvc_name(graph.paths, stage.name, key): [
            str(path) for path in stage.outputs(graph.paths, key)
        ]
        for stage in STAGES.values()
        for key in stage.jobs(graph)
    }


def _current(graph: Graph, changed: set[str]) -> Iterable[str]:
    """The jobs that DVC finds unchanged, and all whose ancestors are unchanged too."""
    maker: dict[str, str] = {}
    stale: set[str] = set()
    for stage in STAGES.values():
        for key in stage.jobs(graph):
            name = dvc_name(graph.paths, stage.name, key)
            before = {maker.get(str(path)) for path in stage.inputs(graph, key)}
            outputs = [str(path) for path in stage.outputs(graph.paths, key)]
            maker.update(dict.fromkeys(outputs, name))
            if name in changed or before & stale or not all(Path(p).exists() for p in outputs):
                stale.add(name)
            else:
                yield name


def _up_to_date_insnakemake_of(graph: Graph, overrides: Sequence[str]) -> set[str]:
    """The outputs that Snakemake would not make anew, as `snakemake --summary` lists them."""
    rows = [
        line.split("\t") for line in snakemake_of(graph, overrides, "--summary").stdout.splitlines()
    ]
    if not rows or "plan" not in rows[0]:
        return set()
    file, plan = rows[0].index("output_file"), rows[0].index("plan")
    return {row[file] for row in rows[1:] if len(row) > plan and row[plan] == "no update"}


def snakemake_of(
    graph: Graph, overrides: Sequence[str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Call Snakemake from within Snakemake, for the same profile, past its lock."""
    config = [f"profile={graph.paths.profile}"]
    if overrides:
        config.append(f"set={json.dumps(list(overrides))}")
    return _run("snakemake", "--nolock", "--config", *config, *arguments)


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, env={**os.environ, NESTED: "1"}, capture_output=True, text=True, check=False
    )


def _dvc_is_here() -> bool:
    """Whether DVC is installed and this is a repository of its, with git around it."""
    if not Path(".dvc").is_dir() or importlib.util.find_spec("dvc") is None:
        return False
    if shutil.which("git") is None:
        return False
    return subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True).returncode == 0


def _made_by_dvc() -> list[str]:
    """The stages whose entry in dvc.lock changed since the engines last agreed."""
    now = yaml.safe_load(LOCK.read_text())["stages"]
    before = yaml.safe_load(AGREED.read_text())["stages"] if AGREED.is_file() else {}
    return [name for name in now if now[name] != before.get(name)]


def _agreed(paths: Paths) -> bool:
    """Whether nothing happened since the engines last agreed: not in DVC, nor to any params."""
    if not AGREED.is_file() or AGREED.read_bytes() != LOCK.read_bytes():
        return False
    files = [*(paths.data / "params").glob("*"), *(paths.data / "code").glob("*"), paths.files]
    agreed = AGREED.stat().st_mtime_ns
    return all(path.stat().st_mtime_ns <= agreed for path in files if path.exists())


def _agree() -> None:
    """Remember that both engines agree now."""
    if LOCK.is_file():
        AGREED.parent.mkdir(exist_ok=True)
        shutil.copyfile(LOCK, AGREED)


def _reason(failed: subprocess.CompletedProcess[str]) -> str:
    """The last line that a program printed when it failed."""
    lines = (failed.stderr or failed.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit code {failed.returncode}"
