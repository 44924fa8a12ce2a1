"""What a checkpoint was made with, and how that differs from what is asked for now."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

# A fingerprint is a tree of plain values, such as {"params": {"train": {"iterations": 900, ...}},
# "code": {module: digest, ...}, "data": digest}.
Fingerprint = Mapping[str, Any]

MISSING = object()


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


def summary(lines: list[str], most: int = 8) -> str:
    """The differences in one line, the first few of them spelled out."""
    more = f"; and {len(lines) - most} more" if len(lines) > most else ""
    return "; ".join(lines[:most]) + more


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
