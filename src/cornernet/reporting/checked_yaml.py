"""YAML files that the package brings along, read into dataclasses and checked by pydantic."""

from pathlib import Path
from typing import TypeVar

import pydantic
import yaml

from cornernet.errors import BadInput

Content = TypeVar("Content")


def read_yaml(path: Path, kind: type[Content]) -> Content:
    """The file as a `kind`. Raises BadInput, a line for each thing that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not readable: {error}") from None
    return parse_yaml(text, kind, str(path))


def parse_yaml(text: str, kind: type[Content], name: str, remedy: str = "") -> Content:
    """The text of the file `name` as a `kind`; `remedy` ends each line of a BadInput."""
    try:
        return pydantic.TypeAdapter(kind).validate_python(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise BadInput(f"{name}: not YAML: {' '.join(str(error).split())}{remedy}") from None
    except pydantic.ValidationError as error:
        raise BadInput(
            f"{name}: {'.'.join(map(str, one['loc']))}: "
            f"{one['msg'].removeprefix('Value error, ')}{remedy}"
            for one in error.errors()
        ) from None
