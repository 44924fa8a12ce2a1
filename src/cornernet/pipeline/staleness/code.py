"""Digests of the code that decides a result; of some, the user has accepted that it changed.

Comments, docstrings and the texts of messages change no result and do not count: a module is
compared as the syntax tree that is left without them.

An entry of accepted.yaml says, for one job and each of its changed modules, which digest the result
was made with (`was`) and which one counts as equal to it (`now`). While the code is the accepted
one, the job's file of digests reads as it did when the result was made: neither engine sees a
change, in the result or in what hangs on it.
"""

import ast
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import cornernet
from cornernet.files import locked, write_text
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.provenance import read_provenance
from cornernet.pipeline.stage import Key, Stage
from cornernet.training.job import changed_modules

ROOT = Path(cornernet.__file__).parent
# Functions whose arguments are read by people alone.
TELLING = {"print", "say", "warn", "debug", "info", "warning", "error", "exception", "critical"}


def code_of(deciding: tuple[str, ...]) -> dict[str, str]:
    """Digest of each of these modules, and of each file of the package that is no module."""
    return {name: _digest(name) for name in deciding}


@cache
def _digest(name: str) -> str:
    content = source_file(name).read_bytes()
    if "/" not in name:
        content = significant_code(content.decode()).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def source_file(name: str) -> Path:
    """Where a module, "cornernet.model.losses", or a file, "reporting/page.css", lies."""
    if "/" in name:
        return ROOT / name
    path = ROOT.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def significant_code(source: str) -> str:
    """The source without comments, docstrings and texts of messages, in one standard form."""
    return ast.unparse(_Significant().visit(ast.parse(source)))


class _Significant(ast.NodeTransformer):
    """Empties docstrings, and strings in `raise` and in calls that tell people something."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return _WithoutTexts().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in TELLING:
            return _WithoutTexts().visit(node)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Expr(ast.Constant(""))  # a docstring
        return self.generic_visit(node)


class _WithoutTexts(ast.NodeTransformer):
    """Empties every string, those within f-strings too."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


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
