"""What a checkpoint was made with, how that differs from now, and which code made what of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# A fingerprint is a tree of plain values, such as {"params": {"train": {"iterations": 900, ...}},
# "code": {module: digest, ...}, "data": digest}.
Fingerprint = Mapping[str, Any]
Code = Mapping[str, str]  # digests of the modules that decide a training's numbers
# {"from": 0, "to": 120, "code": {module: digest}}: iterations 1 to 120, counted when they are done.
CodeSpan = dict[str, Any]

MISSING = object()
MOST_SHOWN = 8


def plain(fingerprint: Fingerprint) -> dict[str, Any]:
    """A copy in JSON's types, so that one read back from a file equals the one that was written."""
    return dict(json.loads(json.dumps(fingerprint)))


def differences(made_with: Fingerprint, asked: Fingerprint) -> list[str]:
    """What forbids to go on, one line per key: "params.train.learning_rate: 0.001 -> 0.002".

    Other code does not: a training goes on, and records which code made which iterations.
    """
    old, new = (
        dict(_leaves({name: part for name, part in plain(tree).items() if name != "code"}))
        for tree in (made_with, asked)
    )
    lines = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, MISSING), new.get(key, MISSING)
        if before != after:
            lines.append(f"{key}: {_text(before)} -> {_text(after)}")
    return lines


def summary(items: list[str], separator: str = ", ") -> str:
    """The first few items in one line, and how many more there are."""
    more = f"{separator}and {len(items) - MOST_SHOWN} more" if len(items) > MOST_SHOWN else ""
    return separator.join(items[:MOST_SHOWN]) + more


def spans_until(past: Sequence[CodeSpan], start: int, iteration: int, code: Code) -> list[CodeSpan]:
    """The spans `past`, and the iterations from `start` to `iteration`, which `code` made.

    `start` is where `past` ends. Neighbours with the same code are one span.
    """
    spans = list(past)
    if iteration > start:
        if spans and spans[-1]["code"] == code:
            start = spans.pop()["from"]
        spans.append({"from": start, "to": iteration, "code": code})
    # Through JSON, so that equal spans are pickled as the same bytes, read from a file or not.
    return list(json.loads(json.dumps(spans)))


def changed_modules(before: Code, now: Code) -> list[str]:
    """Names of the modules that differ, came or went."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _leaves(tree: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def _text(value: Any) -> str:
    if value is MISSING:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value)
    # Digests are told apart by their beginning.
    return f"{text[:12]}..." if len(text) > 40 and " " not in text else text
