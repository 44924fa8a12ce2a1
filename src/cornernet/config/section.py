"""Bounds and checks of params, and the suggestion that answers a misspelt name."""

import difflib
from collections.abc import Iterable

# Bounds of a value, as pydantic's `Field` names them: put into a field's metadata.
AT_LEAST_0, AT_LEAST_1, POSITIVE = {"ge": 0}, {"ge": 1}, {"gt": 0}


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the known name nearest to `name`, or an empty string."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""
