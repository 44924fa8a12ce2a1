"""What every section of the params has in common."""

from dataclasses import dataclass
from typing import Any, ClassVar


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Section:
    """Base of every section: unknown keys are refused (read by pydantic)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
