"""What every section of the params has in common, and what a misspelt name is answered with."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the known name nearest to `name`, or an empty string."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


@dataclass(frozen=True)
class Section:
    """Base of every section: unknown keys are refused (read by pydantic)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
