"""The differences of the paper's text and the released code, and what a run chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from cornernet.config.load import nearest
from cornernet.config.schema import Params
from cornernet.errors import BadInput


@dataclass(frozen=True)
class TextAndCode:
    """One difference: what the text says, what the code does, what the run chose."""

    subject: str
    text: str
    code: str
    source: str
    chosen: Mapping[str, Any]  # param -> the run's value


def text_and_code(params: Params) -> tuple[TextAndCode, ...]:
    """Every difference in text_and_code.yaml, with the values that `params` has."""
    file = resources.files("cornernet.reporting").joinpath("text_and_code.yaml")
    return tuple(
        TextAndCode(
            row["subject"],
            row["text"] or "silent",
            row["code"],
            row["source"],
            {name: param(params, name) for name in row["params"]},
        )
        for row in yaml.safe_load(file.read_text(encoding="utf-8"))
    )


def param(params: Params, dotted: str) -> Any:
    """The value of `section.key` in `params`. Raises BadInput if there is no such param."""
    value: Any = params
    for key in dotted.split("."):
        if not hasattr(value, key):
            known = getattr(value, "__dataclass_fields__", {})
            raise BadInput(
                f"text_and_code.yaml: no param is called {dotted!r}{nearest(key, known)}"
            )
        value = getattr(value, key)
    return value
