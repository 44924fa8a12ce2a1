"""Which code made which iterations: a training goes on although its code was changed meanwhile."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cornernet.training.state import TrainingState

# {"from": 0, "to": 120, "code": {module: digest}}: iterations 1 to 120, counted when they are done.
CodeSpan = dict[str, Any]
Code = Mapping[str, str]  # digests of the modules that decide a training's numbers


def spans_of(state: TrainingState) -> list[CodeSpan]:
    """The spans that led to `state`.

    A checkpoint from before spans were kept is one span, with the code of its fingerprint. A
    finished training's `.state` from before has none: nothing says which code made it.
    """
    if state.code_spans or "code" not in state.fingerprint:
        return state.code_spans
    return [{"from": 0, "to": state.iteration, "code": state.fingerprint["code"]}]


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
