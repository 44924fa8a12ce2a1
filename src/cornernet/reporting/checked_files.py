"""YAML and JSON files, read into the classes that say what they hold, and checked by pydantic."""

from pathlib import Path
from typing import TypeVar

import pydantic
import yaml

from cornernet.errors import BadInput

Content = TypeVar("Content")


def read_checked(path: Path, kind: type[Content], remedy: str = "") -> Content:
    """The file as a `kind`. Raises BadInput, a line for each thing that is wrong, then `remedy`."""
    checks = pydantic.TypeAdapter(kind)
    try:
        content = path.read_bytes()
        if path.suffix == ".json":
            return checks.validate_json(content)
        return checks.validate_python(yaml.safe_load(content))
    except OSError as error:
        raise BadInput(f"{path}: not readable ({error}){remedy}") from None
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML: {' '.join(str(error).split())}{remedy}") from None
    except pydantic.ValidationError as error:
        raise BadInput(
            f"{path}: {'.'.join(map(str, one['loc']))}: "
            f"{one['msg'].removeprefix('Value error, ')}{remedy}"
            for one in error.errors()
        ) from None
