"""Effects of text and code as the profile `differences` found them once, for every page to show.

Its trainings take half an hour, so a page of another profile shows what was recorded and says
where: recorded_effects.yaml, which `cornernet record-effects` writes and nobody edits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from cornernet.errors import BadInput
from cornernet.reporting.tables.seeds import Estimate

FILE = "recorded_effects.yaml"
HEAD = "# Written by `make effects`; see reporting/recorded_effects.py. Points of AP on val.\n"


@dataclass(frozen=True)
class Effect:
    """What one variant, which chooses otherwise than the baseline, does to AP on val."""

    variant: str
    mode: str
    points: Estimate | None  # the variant's AP minus the baseline's; None: not run
    recorded: bool = False  # not found by this run, but once by the profile `differences`


@dataclass(frozen=True)
class RecordedEffects:
    """All effects of one run, and what they were found with."""

    profile: str
    commit: str
    processor: str
    torch: str
    finished: str  # the day
    effects: tuple[Effect, ...]

    def of(self, variant: str) -> list[Effect]:
        """The effects of a variant, one for each mode in which it was tested."""
        return [effect for effect in self.effects if effect.variant == variant]


def load_recorded() -> RecordedEffects:
    """What the package's file holds."""
    file = resources.files("cornernet.reporting").joinpath(FILE)
    return parse_recorded(file.read_text(encoding="utf-8"))


def parse_recorded(text: str) -> RecordedEffects:
    """Read back what `recorded_text` wrote. Raises BadInput if it is something else."""
    try:
        tree = yaml.safe_load(text)
        effects = tuple(
            Effect(
                row["variant"], row["mode"], Estimate(row["value"], row["low"], row["high"]), True
            )
            for row in tree.pop("effects")
        )
        return RecordedEffects(effects=effects, **tree)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise BadInput(f"{FILE}: {error}; `make effects` writes it anew") from None


def recorded_text(effects: Iterable[Effect], provenance: Mapping[str, Any]) -> str:
    """The file's text: `effects`, to a hundredth of a point, and the baseline's provenance."""
    hardware = provenance["hardware"]
    tree = {
        "profile": provenance["profile"],
        "commit": provenance["commit"],
        "processor": f"{hardware['cores']} cores of {hardware['processor']}",
        "torch": provenance["packages"]["torch"],
        "finished": provenance["finished"].partition("T")[0],
        "effects": [
            {
                "variant": effect.variant,
                "mode": effect.mode,
                **{key: _rounded(getattr(effect.points, key)) for key in ("value", "low", "high")},
            }
            for effect in effects
        ],
    }
    return HEAD + yaml.safe_dump(tree, sort_keys=False, width=100)


def _rounded(points: float | None) -> float | None:
    return None if points is None else round(points, 2) + 0.0  # no minus before a zero
