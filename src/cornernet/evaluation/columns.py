"""Columns of numbers out of lists of JSON objects, with one line for what is wrong in them."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.errors import BadInput


def read_json(source: Any, kind: str) -> tuple[str, Any]:
    """The name for messages, and the content: of a file, or as given (then it is `kind`)."""
    if not isinstance(source, str | Path):
        return f"the {kind} given", source
    path = Path(source)
    try:
        return str(path), json.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); make it first") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error}); write it anew") from error


def columns_of(
    rows: Any, integers: tuple[str, ...], numbers: tuple[str, ...], where: str
) -> dict[str, np.ndarray]:
    """One array a key; a row that lacks a key or holds another type is named and refused."""
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        if not rows:
            empty = {key: np.zeros(0, dtype=np.int64) for key in integers}
            return empty | {key: np.zeros(_shape(key, 0)) for key in numbers}
        try:
            columns = {key: np.asarray([row[key] for row in rows]) for key in integers + numbers}
            whole = all(columns[key].dtype.kind == "i" for key in integers)
            real = all(columns[key].dtype.kind in "iuf" for key in numbers)
            shapes = all(columns[key].shape == _shape(key, len(rows)) for key in columns)
            if whole and real and shapes:
                kinds = dict.fromkeys(integers, np.int64) | dict.fromkeys(numbers, np.float64)
                return {key: columns[key].astype(kind) for key, kind in kinds.items()}
        except (KeyError, TypeError, ValueError, IndexError):
            pass  # the rows at fault are looked for below
        for index, row in enumerate(rows):
            fault = _fault(row, integers, numbers)
            if fault:
                raise BadInput(f"{where}: number {index + 1} {fault}; write it as COCO does")
    raise BadInput(f"{where}: not a list of JSON objects with {', '.join(integers + numbers)}")


def _shape(key: str, rows: int) -> tuple[int, ...]:
    return (rows, 4) if key == "bbox" else (rows,)


def _fault(row: Any, integers: tuple[str, ...], numbers: tuple[str, ...]) -> str | None:
    """What is wrong with the form of one row."""
    if not isinstance(row, dict):
        return "is no JSON object"
    for key in integers + numbers:
        if key not in row:
            return f"has no {key}"
        values = row[key] if key == "bbox" else [row[key]]
        kinds = int if key in integers else (int, float)
        if not isinstance(values, list | tuple) or len(values) != (4 if key == "bbox" else 1):
            return f"has a {key} that is no list of four numbers"
        if any(isinstance(value, bool) or not isinstance(value, kinds) for value in values):
            kind = "an integer" if key in integers else "a number"
            return f"has a {key} that is not {kind}: {row[key]!r}"
        if key in integers and abs(row[key]) >= 2**63:
            return f"has a {key} that is too large: {row[key]}"
    return None


def unknown_ids(ids: np.ndarray, known: Collection[int], where: str, kind: str) -> list[str]:
    """A line if some of `ids` are not among the known ones of a `kind`."""
    wrong = ~np.isin(ids, np.fromiter(known, dtype=np.int64))
    examples = ", ".join(str(value) for value in np.unique(ids[wrong])[:5])
    what = f"an id that is not among the {kind} ({examples})"
    return counted(wrong, where, what, "were they made for another split or data set?")


def impossible_boxes(boxes: np.ndarray, where: str) -> list[str]:
    """Lines for boxes [N, 4] that are not finite, or of negative width or height."""
    finite = np.isfinite(boxes).all(axis=1)
    negative = finite & (boxes[:, 2:] < 0).any(axis=1)
    mend = "a box is x, y, width, height in pixels"
    return [
        *counted(~finite, where, "a box that is not finite", mend),
        *counted(negative, where, "a box of negative width or height", mend),
    ]


def counted(wrong: np.ndarray, where: str, what: str, mend: str) -> list[str]:
    """A line that says how many rows are wrong and which is the first; none if all are right."""
    count = int(np.count_nonzero(wrong))
    first = int(np.argmax(wrong)) + 1 if count else 0
    return [f"{where}: {count} with {what}, the first is number {first}; {mend}"] if count else []
