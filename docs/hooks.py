"""Writes the reference pages as the documents are built: all params, all commands, the library."""

import contextlib
import dataclasses
import inspect
import io
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import cornernet
from cornernet.cli import FOR_PEOPLE, build_parser
from cornernet.config.schema import Params
from cornernet.library.detections import ImageDetections
from cornernet.library.detector import Detector
from cornernet.pipeline.descriptions import STAGES

PARAMS = Path("params/paper.yaml")
DIFFERENCES = Path("src/cornernet/reporting/text_and_code.yaml")
LIBRARY = (cornernet.load, Detector, ImageDetections)
# Sections whose keys are names that a profile chooses, not params of the schema.
CHOSEN = ("data.files", "data.splits", "variants", "tested")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for page in (params_page, commands_page, library_page):
        path = f"reference/{page.__name__.removesuffix('_page')}.md"
        files.append(File.generated(config, path, content=page()))
    return files


def params_page() -> str:
    """One table per section: param, type, value in `paper`, and the comment beside it."""
    text = PARAMS.read_text(encoding="utf-8")
    values, comments = yaml.safe_load(text), dict(trailing_comments(text))
    rows_of_code = yaml.safe_load(DIFFERENCES.read_text(encoding="utf-8"))
    in_code = {name: row["code"] for row in rows_of_code for name in row["params"]}
    parts = [
        "# Params",
        "All params, with their types, their values in the profile `paper`, and where these come "
        "from. `[text 3.2]` is a section of the paper. `[code file:line]` is a place in the "
        "released code, where the text is silent or the code differs. The last column has what the "
        "authors' code does, if it differs from the text or the text is silent. A profile that "
        "does not name a param takes its value from the one that it extends, in the end `paper`. "
        "`--set section.key=value` overrides a param for one run.",
    ]
    for name, kind in typing.get_type_hints(Params).items():
        rows = list(params_rows(kind, values.get(name), name))
        if rows:
            head = ["| param | type | in `paper` | source, or what it is | the authors' code |"]
            head += ["| --- " * 5 + "|"]
            lines = [
                f"| `{key}` | {kind} | {value} | {comments.get(key, '')} | {in_code.get(key, '')} |"
                for key, kind, value in rows
            ]
            parts += [f"## {name}", "\n".join(head + lines)]
    return "\n\n".join(parts) + "\n"


def params_rows(kind: Any, value: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Key, type and value of every param of a section, and of the sections in it."""
    if isinstance(kind, UnionType):
        kind = next(one for one in typing.get_args(kind) if one is not type(None))
    if key in CHOSEN:
        return
    if dataclasses.is_dataclass(kind):
        inside = value if isinstance(value, Mapping) else {}
        for name, inner in typing.get_type_hints(kind).items():
            yield from params_rows(inner, inside.get(name), f"{key}.{name}")
    elif "." in key:
        text = yaml.safe_dump(value, default_flow_style=True, width=1000).splitlines()[0]
        yield key, type_text(kind), "" if value is None else f"`{text}`"


def type_text(kind: Any) -> str:
    """A type as a reader says it: the choices of a Literal, else its name."""
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(kind))
    text = kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
    return "`" + re.sub(r"(?:[a-z_]+\.)+", "", text).replace("|", "or") + "`"


def trailing_comments(text: str) -> Iterator[tuple[str, str]]:
    """The comment at the end of each line of a params file, by the line's dotted key."""
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = re.match(r"( *)([a-z_0-9.]+):(.*)", line)
        if not found:
            continue
        indent = len(found[1])
        path = [*(one for one in path if one[0] < indent), (indent, found[2])]
        comment = re.search(r"(?:^|\s)#\s*(.*)$", found[3])
        if comment:
            yield ".".join(name for _, name in path), comment[1].replace("|", "\\|")


def commands_page() -> str:
    """The help of every command, as the program prints it."""
    parts = ["# Commands", "Exit codes: 0 done, 1 failed, 2 bad input."]
    stages = (stage.command for stage in STAGES.values())
    for name in dict.fromkeys((*stages, *FOR_PEOPLE)):
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            build_parser().parse_args([name, "--help"])
        parts.append(f"## cornernet {name}\n\n```text\n{text.getvalue().rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def library_page() -> str:
    """What Python programs use, with the docstrings of the code."""
    parts = [
        "# Library",
        "`import cornernet` is enough. [Find objects](../how-to/detect.md) shows how it is used.",
    ]
    for thing in LIBRARY:
        names = vars(thing) if inspect.isclass(thing) else {}
        members = {name: member for name, member in names.items() if inspect.getdoc(member)}
        title = f"cornernet.{thing.__name__}" if thing is cornernet.load else thing.__name__
        parts.append(f"## `{title}`\n\n{documented(thing)}")
        for name, member in members.items():
            if name == "__call__" or not name.startswith("_"):
                parts.append(f"### `{thing.__name__}.{name}`\n\n{documented(member)}")
    return "\n\n".join(parts) + "\n"


def documented(thing: Any) -> str:
    """The signature of a function or class, and its docstring."""
    doc = inspect.getdoc(thing) or ""
    if not callable(thing) or dataclasses.is_dataclass(thing):  # a property, plain data
        return doc
    signature = re.sub(r"(?:[a-z_]+\.)+(?=\w)", "", str(inspect.signature(thing)))
    signature = signature.replace("self, ", "").replace("(self)", "()").replace("'", "")
    return f"```text\n{thing.__name__}{signature}\n```\n\n{doc}"
