"""What each entry of an annotation file in COCO's format must hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cornernet.data.coco.problems import Problem

INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Field:
    """A key that each entry of a list must have (if it has no default), and what it must hold."""

    key: str
    test: Callable[[Any], bool]
    meaning: str
    default: Any = None


def _is_integer(value: Any) -> bool:
    return type(value) is int and value in INT64


def _is_length(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    """True for a float, NaN and infinities too, and for an integer that a float can hold."""
    return type(value) is float or (type(value) is int and abs(value) < 2**1023)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_area(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 <= value < float("inf"))


IMAGE_FIELDS = (
    Field("id", _is_integer, "an integer"),
    Field("file_name", _is_text, "a text that is not empty"),
    Field("width", _is_length, "a positive integer"),
    Field("height", _is_length, "a positive integer"),
)
CATEGORY_FIELDS = (Field("id", _is_integer, "an integer"), Field("name", _is_text, "a text"))
ANNOTATION_FIELDS = (
    Field("id", _is_integer, "an integer"),
    Field("image_id", _is_integer, "an integer"),
    Field("category_id", _is_integer, "an integer"),
    Field("bbox", _is_box, "a list of four numbers: x, y, width, height in pixels"),
    Field("iscrowd", lambda value: value in (0, 1), "0 or 1", default=0),
    Field("area", _is_area, "a number that is not negative"),
)


def well_formed(
    entries: Sequence[Any], fields: Sequence[Field], noun: str
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The entries that hold what `fields` ask for, and a problem for each field that fails."""
    bad: set[int] = {i for i, entry in enumerate(entries) if not isinstance(entry, dict)}
    problems = []
    if bad:
        cases = [f"number {i + 1}" for i in sorted(bad)]
        problems.append(Problem("not an object", "write each as {...}", cases, noun))
    objects = [(i, entry) for i, entry in enumerate(entries) if i not in bad]
    for field in fields:
        key, test, default = field.key, field.test, field.default
        wrong = [i for i, entry in objects if not test(entry.get(key, default))]
        if wrong:
            cases = [_name(entries[i], i) for i in wrong]
            problems.append(
                Problem(f"wrong or missing {key!r}", f"must be {field.meaning}", cases, noun)
            )
            bad.update(wrong)
    return [entry for i, entry in objects if i not in bad], problems


def _name(entry: dict[str, Any], position: int) -> str:
    """What to call a malformed entry: its id if it has one, else its place in the list."""
    identity = entry.get("id")
    return f"id {identity}" if _is_integer(identity) else f"number {position + 1}"
