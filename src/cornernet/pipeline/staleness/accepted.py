"""Results that are kept although the code that decides them has changed: accepted.yaml.

An entry says, for one job and each of its changed modules, which digest the result was made with
(`was`) and which one counts as equal to it (`now`). While the code is the accepted one, the job's
file of code digests reads as it did when the result was made: neither engine sees a change, in the
result or in what hangs on it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import yaml

from cornernet.files import locked, write_text
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.provenance import read_provenance
from cornernet.pipeline.stage import Key, Stage
from cornernet.pipeline.staleness.code import code_of
from cornernet.training.job import changed_modules


def read_accepted(paths: Paths) -> list[dict[str, Any]]:
    """The entries: `result` (a job's name), `modules`, `because`, `when`."""
    if not paths.accepted.is_file():
        return []
    return list(yaml.safe_load(paths.accepted.read_text()) or [])


def as_accepted(paths: Paths, job: str, code: dict[str, str]) -> dict[str, str]:
    """The digests of a job's code, with those that the user accepted read as they were before."""
    counted = dict(code)
    for entry in read_accepted(paths):
        if entry["result"] == job:
            for module, change in entry["modules"].items():
                if code.get(module, "") == change["now"]:
                    counted[module] = change["was"]
    return {module: digest for module, digest in counted.items() if digest}


def forget(paths: Paths, job: str) -> None:
    """Drop what was accepted of a job, which is made anew."""
    _replace(paths, {job}, [])


def accept(graph: Graph, pattern: str, because: str) -> list[str]:
    """Keep the results whose job or output matches `pattern`; returns the names of those jobs.

    Jobs whose recorded code is today's need nothing, and are not among them.
    """
    kept = [
        {
            "result": stage.job_name(key),
            "modules": changes,
            "because": because,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        for stage, key in matching(graph, pattern)
        if (changes := _changed(stage, key, graph))
    ]
    names = [str(entry["result"]) for entry in kept]
    _replace(graph.paths, set(names), kept)
    return names


def _replace(paths: Paths, jobs: set[str], entries: list[dict[str, Any]]) -> None:
    """Put `entries` in the place of those of these jobs; others may want to write at that time."""
    with locked(paths.data / ".accepted.lock", lambda holder: None):
        before = read_accepted(paths)
        after = [entry for entry in before if entry["result"] not in jobs] + entries
        if after != before:
            write_text(paths.accepted, yaml.safe_dump(after, sort_keys=False, allow_unicode=True))


def matching(graph: Graph, pattern: str) -> Iterable[tuple[Stage, Key]]:
    """The jobs whose stage, name or output fits a pattern such as `train`, `*baseline*`."""
    for stage in STAGES.values():
        for key in stage.jobs(graph):
            outputs = [str(path) for path in stage.outputs(graph.paths, key)]
            names = [stage.name, stage.job_name(key), str(key), *outputs]
            if any(fnmatchcase(name, pattern) for name in names):
                yield stage, key


def _changed(stage: Stage, key: Key, graph: Graph) -> dict[str, dict[str, str]]:
    """The modules whose code is not what the job's result was made with."""
    made = read_provenance(stage.provenance(graph.paths, key))
    if "code" not in made:
        return {}
    was, now = made["code"], code_of(stage.deciding)
    return {
        module: {"was": was.get(module, ""), "now": now.get(module, "")}
        for module in changed_modules(was, now)
    }
