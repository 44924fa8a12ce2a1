"""What a stage depends on besides data, as files: its part of the params, and its code.

Neither workflow engine sees a params file that extends another, nor the modules behind a shell
command. Both see these files, which are rewritten only when their content changes.
"""

import argparse
import ast
import dataclasses
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import cornernet
from cornernet.config import Params, resolve_variant
from cornernet.files import write_if_changed
from cornernet.options import params_of
from cornernet.pipeline.matrix import check_matrix
from cornernet.pipeline.paths import Paths

# The params that change what a stage makes: sections, or single keys of one. Where the data lie and
# which they are reaches the stages after `prepare` as digests in dataset.json.
USED: dict[str, tuple[str, ...]] = {
    "download": ("data.source", "data.root", "data.splits", "data.shapes", "data.files"),
    "prepare": ("data.source", "data.root", "data.splits"),
    "radii": ("targets.min_iou",),
    "tracking": ("profile",),
    "train": (
        "data.keep_crowd",
        "data.keep_empty",
        "targets",
        "augmentation",
        "model",
        "losses",
        "train.iterations",
        "train.learning_rate",
        "train.learning_rate_drops",
        "train.chunks",
        "train.threads",
        "train.precision",
    ),
    "import_weights": ("model",),
    "predict": ("model", "detection"),
    "corners": ("model", "detection"),
    "submit": ("profile",),
    "evaluate": ("evaluation",),
    "tables": ("evaluation", "corners", "report", "tested", "train.seeds"),
    "figures": (
        "targets",
        "model",
        "detection",
        "evaluation.confidence",
        "report",
        "tested",
        "train.seeds",
    ),
    "claims": ("report", "tested", "evaluation.confidence"),
    "report": (
        "targets",
        "augmentation",
        "model",
        "losses",
        "train",
        "detection",
        "evaluation",
        "corners",
        "report",
        "variants",
        "tested",
    ),
}
STAGES = tuple(USED)
BY_VARIANT = ("train", "predict", "corners")
# Plumbing: what these modules give a stage reaches it as its params file, or changes no result.
NOT_CODE = (
    "cornernet.config",
    "cornernet.errors",
    "cornernet.files",
    "cornernet.pipeline.paths",
    "cornernet.pipeline.gpu_lease",
    "cornernet.pipeline.graph",
    "cornernet.pipeline.resolved",
    "cornernet.pipeline.matrix",
    "cornernet.options",
    "cornernet.progress",
    "cornernet.pipeline.provenance",
    "cornernet.detection.parallel",
    "cornernet.pipeline.tracked_runs",
    "cornernet.tracking",
)
NOT_MODULES = (".yaml", ".j2", ".css")  # what modules of the package read from it
NOT_RESULT = {
    "detection": ("batch_size", "compile")
}  # params that change how a stage runs, not what it makes


def run(options: argparse.Namespace) -> None:
    """`cornernet inputs`: write them all, as the Snakefile does when it is loaded.

    DVC's first stage. Raises BadInput if dvc.yaml's matrices list other models than the profile's.
    """
    params = params_of(options)
    check_matrix(params)
    refresh(params)


def stage_params(params: Params, stage: str) -> dict[str, Any]:
    """The part of (a variant's) params that changes what `stage` makes, as plain values."""
    tree = _plain(dataclasses.asdict(params))
    result: dict[str, Any] = {}
    for name in USED[stage]:
        section, _, key = name.partition(".")
        if key:
            result.setdefault(section, {})[key] = tree[section][key]
        elif isinstance(tree[section], dict):
            left_out = NOT_RESULT.get(section, ())
            result[section] = {k: v for k, v in tree[section].items() if k not in left_out}
        else:
            result[section] = tree[section]
    return result


def stage_code(stage: str) -> dict[str, str]:
    """Digests of the package's modules that `stage` imports, directly or not.

    And of the files beside them, templates and tables of data, that they name.
    """
    modules = sorted(_closure(f"cornernet.stages.{stage}"))
    read = sorted({path for name in modules for path in _read_by(name)})
    root = Path(cornernet.__file__).parent
    return {name: _digest(name) for name in modules} | {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in read
    }


def refresh(params: Params, stages: tuple[str, ...] = STAGES) -> None:
    """Write the params and code files of `stages`, those whose content changed."""
    for path, text in _contents(params, stages):
        write_if_changed(path, text)


def is_current(params: Params) -> bool:
    """Whether all these files say what `params` and the code say now."""
    return all(
        path.is_file() and path.read_text() == text for path, text in _contents(params, STAGES)
    )


def _contents(params: Params, stages: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """The params and code files of `stages`, and what is to be in them."""
    paths = Paths(params.profile)
    for stage in stages:
        yield paths.code(stage), yaml.safe_dump(stage_code(stage))
        if stage not in BY_VARIANT:
            yield paths.params(stage), yaml.safe_dump(stage_params(params, stage))
            continue
        for variant, asked in params.variants.items():
            if stage == "train" and asked.weights_of is not None:
                continue
            if stage == "corners" and variant not in params.corners.variants:
                continue
            tree = {"continues": asked.continues, "weights_of": asked.weights_of}
            tree |= stage_params(resolve_variant(params, variant), stage)
            yield paths.params(stage, variant), yaml.safe_dump(tree)


def _plain(value: Any) -> Any:
    """Tuples as lists, so that YAML stays plain."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _source_file(module: str) -> Path | None:
    root = Path(cornernet.__file__).parent
    path = root.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of this package that `module` imports, at its top or inside functions."""
    path = _source_file(module)
    if path is None:
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        for name in _names(node):
            if name.split(".")[0] == "cornernet" and _source_file(name) is not None:
                found.add(name)
    return frozenset(found)


@cache
def _read_by(module: str) -> frozenset[Path]:
    """Files that are no modules and that `module` names, beside it or in a folder there."""
    source = _source_file(module)
    if source is None:
        return frozenset()
    names = {
        node.value
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    beside = (path for suffix in NOT_MODULES for path in source.parent.rglob(f"*{suffix}"))
    return frozenset(path for path in beside if path.name in names)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _closure(module: str) -> set[str]:
    """All modules reached from `module`, itself included, less the plumbing."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached or name.startswith(NOT_CODE):
            continue
        reached.add(name)
        waiting.extend(_imports(name) - reached)
    return reached


@cache
def _digest(module: str) -> str:
    """sha256 of the source without comments and docstrings, which change nothing that is made."""
    path = _source_file(module)
    assert path is not None, module
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            body[0].value = ast.Constant("")
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


def _is_docstring(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
