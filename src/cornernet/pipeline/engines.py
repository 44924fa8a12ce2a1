"""Each workflow engine takes what the other has made as done.

DVC remembers in dvc.lock which inputs every output was made from, Snakemake in its metadata and by
the files' times. `record` writes to dvc.lock what Snakemake has made; `adopt` makes Snakemake see
what DVC has. Without DVC, or without a DVC repository here, both do nothing.
"""

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.pipeline.matrix import check_matrix
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.resolved import is_current

LOCK = Path("dvc.lock")
ADOPTING = "CORNERNET_ADOPTING"  # set while `adopt` calls Snakemake
SEEN = Path(".snakemake/dvc.lock.seen")  # dvc.lock as it was when the engines last agreed
INPUTS = "inputs@"  # the stage whose work loading the Snakefile does
PROFILE = Path("params/profile.yaml")


def record(profile: str, outputs: Iterable[str]) -> str | None:
    """Tell DVC that these outputs are up to date, and keep copies of them in its cache.

    Returns a line to show if DVC could not be told.
    """
    opened = _repository()
    if opened is None:
        return None
    if (followed := yaml.safe_load(PROFILE.read_text())["profile"]) != profile:
        return (
            f"DVC follows {PROFILE} ({followed}) and was not told of {profile}'s results; to have "
            "it take them as done, name that profile there and type: dvc commit --force"
        )
    try:
        check_matrix(load_params(profile))
    except BadInput as error:
        return f"DVC was not told: {'; '.join(error.problems)}"
    done = {os.path.abspath(path) for path in outputs}
    try:
        _commit(opened, profile, done)
    except Exception as error:  # whatever ails DVC, a lock or a broken file, the work is done
        return (
            f"DVC was not told ({error}); to have it take the results as done: dvc commit --force"
        )
    return None


def _commit(opened: AbstractContextManager[Any], profile: str, done: set[str]) -> None:
    with opened as repository:
        changed = repository.status()
        for stage in _in_order(repository):
            if stage.addressing not in changed:
                continue
            own = _inputs_stage(stage) and is_current(load_params(profile))
            if own or all(out.fs_path in done for out in stage.outs):
                repository.commit(target=stage.addressing, force=True)
                changed.pop(stage.addressing)
        _put_in_order(repository, set(changed), Paths(profile))  # DVC's cache gave new times
    _remember()


def adopt(profile: str) -> str | None:
    """Let Snakemake see what DVC has made since the two last agreed.

    Snakemake's records of these outputs tell of an earlier making and are dropped. Outputs that
    DVC knows to be up to date get times in the order of the graph: DVC compares contents, and
    leaves an output older than an input that was made anew with the same content. Returns a line
    to show if DVC could not be asked.
    """
    if ADOPTING in os.environ or not LOCK.is_file() or _agreed(Paths(profile)):
        return None
    opened = _repository()
    if opened is None:
        return None
    try:
        _look(opened, profile)
    except Exception as error:  # whatever ails DVC, Snakemake can go by its own records
        return f"what DVC has made was not looked at ({error})"
    return None


def _look(opened: AbstractContextManager[Any], profile: str) -> None:
    before = yaml.safe_load(SEEN.read_text())["stages"] if SEEN.is_file() else {}
    now = yaml.safe_load(LOCK.read_text())["stages"]
    with opened as repository:
        made = [name for name in now if now[name] != before.get(name)]
        _forget(profile, [out["path"] for name in made for out in now[name].get("outs", ())])
        # The Snakefile has just done what DVC's stage `inputs` does.
        changed = {name for name in repository.status() if not name.startswith(INPUTS)}
        _put_in_order(repository, changed, Paths(profile))
    _remember()


def _agreed(paths: Paths) -> bool:
    """Whether nothing happened since the engines last agreed: not in DVC, nor to any params."""
    if not SEEN.is_file() or SEEN.read_bytes() != LOCK.read_bytes():
        return False
    files = [*paths.params("train").parent.glob("*"), *paths.code("train").parent.glob("*")]
    return all(path.stat().st_mtime_ns <= SEEN.stat().st_mtime_ns for path in files)


def _forget(profile: str, outputs: Sequence[str]) -> None:
    """Drop Snakemake's records of these outputs; that some have none is no matter."""
    if not Path(".snakemake/metadata").is_dir() or not outputs:
        return
    command = [sys.executable, "-m", "snakemake", "--config", f"profile={profile}"]
    subprocess.run(
        [*command, "--cleanup-metadata", *outputs],
        env={**os.environ, ADOPTING: "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _repository() -> AbstractContextManager[Any] | None:
    """DVC's repository here, or None without one, or without git around it."""
    if not Path(".dvc").is_dir():
        return None
    try:
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo
        from dvc.scm import SCMError
    except ImportError:
        return None
    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        return Repo(".")
    except (NotDvcRepoError, SCMError):
        return None


def _in_order(repository: Any) -> list[Any]:
    """The stages, each after those that it depends on."""
    import networkx

    graph = repository.index.graph  # from a stage to those that it depends on
    return list(reversed(list(networkx.topological_sort(graph))))


def _inputs_stage(stage: Any) -> bool:
    """Whether it is the one that the Snakefile runs when it is loaded."""
    return str(stage.addressing).startswith(INPUTS)


def _put_in_order(repository: Any, changed: set[str], paths: Paths) -> None:
    """Times in the order of the graph, for the outputs of all stages but those that changed.

    Snakemake counts the benchmark of a job to its outputs: none may seem the oldest of them.
    """
    for stage in _in_order(repository):
        parents = list(repository.index.graph.successors(stage))
        if stage.addressing in changed or any(p.addressing in changed for p in parents):
            changed = changed | {stage.addressing}
        elif not _inputs_stage(stage):
            _touch_if_older(stage, parents)
    now = time.time_ns()  # os.utime's own clock is coarser, and may lie before the times above
    for path in paths.benchmarks.glob("*"):
        os.utime(path, ns=(now, now))


def _touch_if_older(stage: Any, parents: Iterable[Any]) -> None:
    """Give the outputs of a stage the present time if one is older than what it was made from."""
    inputs = [dep.fs_path for dep in stage.deps if os.path.isfile(dep.fs_path)]
    inputs += [out.fs_path for p in parents if not _inputs_stage(p) for out in p.outs]
    outputs = [_stamped(out.fs_path) for out in stage.outs]
    newest = max((os.stat(_stamped(path)).st_mtime_ns for path in inputs), default=0)
    if min(os.stat(path).st_mtime_ns for path in outputs) <= newest:
        now = time.time_ns()
        for path in outputs:
            os.utime(path, ns=(now, now))


def _stamped(path: str) -> str:
    """What Snakemake reads the time of: of a folder that it made, a file in it."""
    stamp = os.path.join(path, ".snakemake_timestamp")
    return stamp if os.path.isfile(stamp) else path


def _remember() -> None:
    """Both engines agree now."""
    if LOCK.is_file():
        SEEN.parent.mkdir(exist_ok=True)
        shutil.copyfile(LOCK, SEEN)
