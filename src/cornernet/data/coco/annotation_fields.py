"""What each entry of an annotation file, or of a results file, in COCO's format must hold."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cornernet.data.coco.problems import Problem


def _is_integer(value: Any, low: int = -(2**63), high: int = 2**63) -> bool:
    return type(value) is int and low <= value < high


def _is_length(value: Any) -> bool:
    return _is_integer(value, 1, 2**31)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    """True for a float, NaN and infinities too, and for an integer that a float can hold."""
    return type(value) is float or _is_integer(value, -(2**1023), 2**1023)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


# Of each key of an entry: what its value must pass, and that in words.
Fields = Mapping[str, tuple[Callable[[Any], bool], str]]

IMAGE_FIELDS: Fields = {
    "id": (_is_integer, "an integer"),
    "file_name": (_is_text, "a text that is not empty"),
    "width": (_is_length, "a positive integer"),
    "height": (_is_length, "a positive integer"),
}
CATEGORY_FIELDS: Fields = {"id": (_is_integer, "an integer"), "name": (_is_text, "a text")}
_PLACED: Fields = {
    "image_id": (_is_integer, "an integer of 64 bits"),
    "category_id": (_is_integer, "an integer"),
    "bbox": (_is_box, "a list of four numbers: x, y, width, height in pixels"),
}
ANNOTATION_FIELDS: Fields = {
    "id": (_is_integer, "an integer"),
    **_PLACED,
    "iscrowd": (lambda value: value in (0, 1), "0 or 1"),
    "area": (
        lambda value: value is None or (_is_number(value) and 0 <= value < float("inf")),
        "a number that is not negative",
    ),
}
RESULT_FIELDS: Fields = {**_PLACED, "score": (_is_number, "a number")}
DEFAULTS = {"iscrowd": 0}  # of keys that may be left out, but may not be null


def well_formed(
    entries: Sequence[Any], fields: Fields, noun: str
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The entries that hold what `fields` ask for, and a problem for each field that fails."""
    objects = {i: entry for i, entry in enumerate(entries) if isinstance(entry, dict)}
    others = [i for i in range(len(entries)) if i not in objects]
    wrong = {("not an object", "write each as {...}"): others}
    for key, (test, meaning) in fields.items():
        default = DEFAULTS.get(key)
        failing = [i for i, entry in objects.items() if not test(entry.get(key, default))]
        wrong[f"wrong or missing {key!r}", f"must be {meaning}"] = failing
    problems = [
        Problem(what, remedy, [_name(entries[i], i) for i in places], noun)
        for (what, remedy), places in wrong.items()
        if places
    ]
    bad = set().union(*wrong.values())
    return [entry for i, entry in objects.items() if i not in bad], problems


def _name(entry: Any, position: int) -> str:
    """What to call a malformed entry: its id if it has one, else its place in the list."""
    identity = entry.get("id") if isinstance(entry, dict) else None
    return f"id {identity}" if _is_integer(identity) else f"number {position + 1}"
