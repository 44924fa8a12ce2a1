"""Digests of code: of the modules that decide a result, without what changes no result.

Comments, docstrings and the texts of messages do not count: a module is compared as the syntax
tree that is left without them.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

import cornernet

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
