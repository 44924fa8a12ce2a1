"""What a stage depends on besides data, as files: its part of the params, and its code.

Neither workflow engine sees a params file that extends another, nor the modules behind a shell
command. Both see these files, which are rewritten only when their content changes.
"""

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
from cornernet.paths import Paths

# The params that change what a stage makes: sections, or single keys of one. Where the data lie and
# which they are reaches the stages after `prepare` as digests in dataset.json.
USED: dict[str, tuple[str, ...]] = {
    "download": ("data.source", "data.root", "data.splits", "data.shapes", "data.files"),
    "prepare": ("data.source", "data.root", "data.splits"),
    "radii": ("targets.min_iou",),
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
    "submit": ("profile",),
    "evaluate": ("evaluation",),
    "tables": ("evaluation", "report", "tested", "train.seeds"),
    "figures": ("targets", "model", "detection", "report", "tested", "train.seeds"),
    "claims": ("report", "tested"),
    "report": (
        "targets",
        "augmentation",
        "model",
        "losses",
        "train",
        "detection",
        "evaluation",
        "report",
        "variants",
        "tested",
    ),
}
STAGES = tuple(USED)
BY_VARIANT = ("train", "predict")
# Plumbing: what these modules give a stage reaches it as its params file, or changes no result.
NOT_CODE = (
    "cornernet.config",
    "cornernet.errors",
    "cornernet.files",
    "cornernet.paths",
    "cornernet.stages.devices",
    "cornernet.stages.graph",
    "cornernet.stages.inputs",
    "cornernet.stages.options",
    "cornernet.stages.provenance",
    "cornernet.tracking",
)
NOT_RESULT = {
    "detection": ("batch_size",)
}  # params that change how a stage runs, not what it makes


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
    """Digest by file of the package's modules that `stage` imports, directly or not."""
    files = sorted(_closure(f"cornernet.stages.{stage}"))
    return {name: _digest(name) for name in files}


def refresh(params: Params, stages: tuple[str, ...] = STAGES) -> None:
    """Write the params and code files of `stages`, those whose content changed."""
    paths = Paths(params.profile)
    for stage in stages:
        write_if_changed(paths.code(stage), yaml.safe_dump(stage_code(stage)))
        if stage in BY_VARIANT:
            for variant in params.variants:
                refresh_variant(params, stage, variant)
        else:
            write_if_changed(paths.params(stage), yaml.safe_dump(stage_params(params, stage)))


def refresh_variant(params: Params, stage: str, variant: str) -> None:
    """Write the params file of one variant of a stage, if its content changed."""
    resolved = resolve_variant(params, variant)
    tree = {
        "continues": params.variants[variant].continues,
        **stage_params(resolved, stage),
    }
    path = Paths(params.profile).params(stage, variant)
    write_if_changed(path, yaml.safe_dump(tree))


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
