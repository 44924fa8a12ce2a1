"""Each workflow engine takes what the other has made as done, by the engines' own commands.

DVC remembers in dvc.lock which inputs every output was made from, Snakemake in its metadata and by
the files' times. `tell_dvc` commits to dvc.lock what Snakemake has made; `take_from_dvc` has
Snakemake drop its records of what DVC made since, and mark as up to date what DVC knows to be so.
"""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from cornernet.config.profiles import default_profile
from cornernet.errors import BadInput
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.engines.dvc_file import check_dvc_file, dvc_name
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths

LOCK = Path("dvc.lock")
AGREED = Path(".snakemake/dvc.lock.agreed")  # dvc.lock as it was when the engines last agreed
NESTED = "CORNERNET_NESTED_SNAKEMAKE"  # set while Snakemake is called from within Snakemake


def tell_dvc(graph: Graph, overrides: Sequence[str] = ()) -> str | None:
    """Tell DVC which of its stages are done; it keeps copies of their outputs in its cache.

    Returns a line to show if something is left to do for somebody who uses DVC.
    """
    if default_profile() != graph.paths.profile or not _dvc_is_here():
        return None  # dvc.yaml describes another profile
    try:
        check_dvc_file(graph)
        listed = snakemake_of(graph, overrides, "--summary").splitlines()
        rows = csv.DictReader(listed, delimiter="\t")
        done = {row["output_file"] for row in rows if row.get("plan") == "no update"}
        stages = [name for name, _, outputs in _jobs(graph) if done.issuperset(outputs)]
        if stages:
            first = dvc_name(graph.paths, "inputs", None)
            _dvc("commit", "--force", "--no-relink", first, *stages)
    except BadInput as error:
        return (
            f"DVC does not know of these results yet. If you use it: {error}; then type "
            "`dvc commit --force`"
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
        now = yaml.safe_load(LOCK.read_text())["stages"]
        before = yaml.safe_load(AGREED.read_text())["stages"] if AGREED.is_file() else {}
        changed = set(json.loads(_dvc("status", "--json") or "{}"))
    except (BadInput, yaml.YAMLError, KeyError) as error:
        return f"DVC could not be asked what it has made: {' '.join(str(error).split())}"
    outputs = {name: outputs for name, _, outputs in _jobs(graph)}
    made = [name for name in now if now[name] != before.get(name)]
    forgotten = [path for name in made for path in outputs.get(name, []) if Path(path).exists()]
    if forgotten and Path(".snakemake/metadata").is_dir():
        snakemake_of(graph, overrides, "--cleanup-metadata", *forgotten)
    if current := list(_current(graph, changed)):
        snakemake_of(graph, overrides, "--touch", "--cores", "1", "--", *current)
    _agree()
    return None


def _jobs(graph: Graph) -> Iterator[tuple[str, list[str], list[str]]]:
    """DVC's name of every job, its inputs and outputs; each after those that it depends on."""
    for stage in STAGES.values():
        for key in stage.jobs(graph):
            files = stage.inputs(graph, key), stage.outputs(graph.paths, key)
            inputs, outputs = ([str(path) for path in paths] for paths in files)
            yield dvc_name(graph.paths, stage.name, key), inputs, outputs


def _current(graph: Graph, changed: set[str]) -> Iterator[str]:
    """The outputs of the jobs that DVC finds unchanged, and whose ancestors are unchanged too."""
    stale: set[str] = set()  # outputs
    for name, inputs, outputs in _jobs(graph):
        if name in changed or stale & set(inputs) or not all(Path(p).exists() for p in outputs):
            stale.update(outputs)
        else:
            yield from outputs


def snakemake_of(graph: Graph, overrides: Sequence[str], *arguments: str) -> str:
    """What Snakemake prints, called from within Snakemake for the same profile, past its lock."""
    config = [f"profile={graph.paths.profile}", f"set={json.dumps(list(overrides))}"]
    command = [sys.executable, "-m", "snakemake", "--nolock", "--config", *config, *arguments]
    environment = {**os.environ, NESTED: "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def _dvc(*arguments: str) -> str:
    """What DVC prints. Raises BadInput with the last line of what it says when it fails."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BadInput(done.stderr.strip().splitlines()[-1:] or f"exit code {done.returncode}")
    return done.stdout


def _dvc_is_here() -> bool:
    """Whether DVC is installed and this is a repository of its, with git around it."""
    if not (Path(".dvc").is_dir() and importlib.util.find_spec("dvc") and shutil.which("git")):
        return False
    return subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True).returncode == 0


def _agreed(paths: Paths) -> bool:
    """Whether nothing happened since the engines last agreed: not in DVC, nor to any params."""
    if not AGREED.is_file() or AGREED.read_bytes() != LOCK.read_bytes():
        return False
    files = [*(paths.data / "params").glob("*"), *(paths.data / "code").glob("*"), paths.files]
    agreed = AGREED.stat().st_mtime_ns
    return all(path.stat().st_mtime_ns <= agreed for path in files if path.exists())


def _agree() -> None:
    if LOCK.is_file():
        AGREED.parent.mkdir(exist_ok=True)
        shutil.copyfile(LOCK, AGREED)
