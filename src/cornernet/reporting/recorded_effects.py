"""Effects of text and code as the profile `differences` found them once, for every page to show.

Its trainings take half an hour, so a page of another profile shows what was recorded and says
where: recorded_effects.yaml, which `cornernet record-effects` writes and nobody edits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import yaml

from cornernet.errors import BadInput

FILE = "recorded_effects.yaml"
HEAD = "# Written by `make effects`; see reporting/recorded_effects.py. Points of AP on val.\n"


@dataclass(frozen=True)
class RecordedEffect:
    """A variant's AP minus the baseline's, in points, with its interval over images."""

    variant: str
    mode: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Recorded:
    """All effects of one run, and what they were found with."""

    profile: str
    commit: str
    processor: str
    torch: str
    finished: str  # the day
    effects: tuple[RecordedEffect, ...]

    def of(self, variant: str) -> tuple[RecordedEffect, ...]:
        """The effects of a variant, one for each mode in which it was tested."""
        return tuple(effect for effect in self.effects if effect.variant == variant)


def load_recorded() -> Recorded:
    """What the package's file holds."""
    file = resources.files("cornernet.reporting").joinpath(FILE)
    return parse_recorded(file.read_text(encoding="utf-8"))


def parse_recorded(text: str) -> Recorded:
    """Read back what `recorded_text` wrote. Raises BadInput if it is something else."""
    try:
        tree = yaml.safe_load(text)
        effects = tuple(RecordedEffect(**effect) for effect in tree.pop("effects"))
        return Recorded(effects=effects, **tree)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise BadInput(f"{FILE}: {error}; `make effects` writes it anew") from None


def recorded_text(effects: Iterable[RecordedEffect], provenance: Mapping[str, Any]) -> str:
    """The file's text: `effects`, to a hundredth of a point, and the baseline's provenance."""
    tree = {
        "profile": provenance["profile"],
        "commit": provenance["commit"],
        "processor": f"{provenance['hardware']['cores']} cores of "
        f"{provenance['hardware']['processor']}",
        "torch": provenance["packages"]["torch"],
        "finished": provenance["finished"].partition("T")[0],
        "effects": [_rounded(effect) for effect in effects],
    }
    return HEAD + yaml.safe_dump(tree, sort_keys=False, width=100)


def _rounded(effect: RecordedEffect) -> dict[str, Any]:
    return {
        key: round(value, 2) + 0.0 if isinstance(value, float) else value
        for key, value in asdict(effect).items()
    }
