"""What sections of the params have in common, and what a misspelt name is answered with."""

import difflib
from collections.abc import Iterable

# Bounds of a value, in the words of pydantic's `Field`; it reads them from a field's metadata.
AT_LEAST_0, AT_LEAST_1, POSITIVE = {"ge": 0}, {"ge": 1}, {"gt": 0}


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the known name nearest to `name`, or an empty string."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""
