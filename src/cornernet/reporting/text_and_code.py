"""The differences of the paper's text and the released code, what a run chose, and what they do.

What they do to AP the profile `differences` finds: a variant that chooses otherwise, against the
mean of the baseline and of the variants that equal it but for chance. Its trainings take hours, so
a page of another profile shows what was recorded once, and says where: recorded_effects.yaml, which
`cornernet record-effects` writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cornernet.config.schema import Mode, Params, Split
from cornernet.reporting.checked_files import read_checked
from cornernet.reporting.tables.formats import MINUS, aligned, interval_text, number_text
from cornernet.reporting.tables.literature import Cell, Comparison
from cornernet.reporting.tables.results import rows_where
from cornernet.reporting.tables.seeds import UNDEFINED, Estimate

REFERENCE = "baseline"  # the variant that every other one is held against
SPLIT: Split = "val"
METRIC = "AP"
EFFECT_MODES: tuple[Mode, ...] = ("single_scale", "multi_scale")  # where an effect is looked for
FILE = Path(__file__).with_name("recorded_effects.yaml")
HEAD = "# Written by `make effects`; see reporting/text_and_code.py. Points of AP on val.\n"


@dataclass(frozen=True)
class Effect:
    """What one variant, which chooses otherwise than the baseline, does to AP on val."""

    variant: str
    mode: str
    points: Estimate  # the variant's AP minus that of the equal baselines; undefined: not run
    baselines: int = 1  # how many trainings of these there are
    df: float = 0.0  # degrees of freedom of the noise of training in the interval; 0: it has none
    # why the effect says nothing, empty if it says something; an older record does not tell
    reason: str = "recorded without the noise of training"
    recorded: bool = False  # not found by this run, but once by the profile `differences`


NOT_RUN = Effect("", "", UNDEFINED, reason="not run")


@dataclass(frozen=True)
class RecordedEffects:
    """All effects of one run, and what they were found with."""

    profile: str
    commit: str
    processor: str
    torch: str
    finished: str  # the day
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class TextAndCode:
    """One difference: what the text says, what the code does, what the run chose, its effect.

    `effects`: one for each variant that shows the difference, and mode in which it was tested.
    `not_shown`: why there are none, where no variant could show it. `equal`: it is no difference
    at all, so that its variants equal the baseline but for chance.
    """

    subject: str
    text: str | None  # None: the text says nothing
    code: str
    source: str
    params: tuple[str, ...]
    shown_by: tuple[str, ...] = ()  # variants
    not_shown: str = ""
    equal: bool = False
    chosen: Mapping[str, Any] = field(default_factory=dict)  # param -> the run's value
    effects: tuple[Effect, ...] = ()


def text_and_code(params: Params, *sources: Sequence[Effect]) -> tuple[TextAndCode, ...]:
    """Every difference in text_and_code.yaml, with the values that `params` has.

    The effects of a variant are those of the first of `sources` that has any; else it was not run.
    """
    effects: dict[str, tuple[Effect, ...]] = {}
    for source in reversed(sources):
        for variant in {effect.variant for effect in source}:
            effects[variant] = tuple(effect for effect in source if effect.variant == variant)
    return tuple(
        replace(
            row,
            text=row.text or "silent",
            chosen={name: attrgetter(name)(params) for name in row.params},
            effects=tuple(
                effect
                for variant in row.shown_by
                for effect in effects.get(variant, (replace(NOT_RUN, variant=variant),))
            ),
        )
        for row in _rows()
    )


def effect_comparisons(owners: Mapping[str, str]) -> list[Comparison]:
    """Every comparison that the effects need in differences.csv, as far as a run has both sides.

    `owners`: of a variant that is tested with another's weights, that other one. A test of the
    baseline's weights is held against the baseline alone, a training against all equal baselines.
    """
    rows, tested = _rows(), {variant for variant, owner in owners.items() if owner == REFERENCE}
    equal = [variant for row in rows if row.equal for variant in row.shown_by]
    return [
        Comparison(
            SPLIT,
            Cell(variant, mode),
            Cell(REFERENCE, mode),
            tuple(Cell(o, mode) for o in equal if o != variant and variant not in tested),
        )
        for row in rows
        for variant in row.shown_by
        for mode in EFFECT_MODES
    ]


def found_effects(differences: pd.DataFrame) -> list[Effect]:
    """Every effect that differences.csv has, in the order of text_and_code.yaml."""
    rows = rows_where(differences, split=SPLIT, metric=METRIC)
    rows = rows[rows["mode"].isin(EFFECT_MODES)]
    return [
        _effect(found)
        for row in _rows()
        for variant in row.shown_by
        for found in rows_where(rows, variant=variant).itertuples()
    ]


def _effect(row: Any) -> Effect:
    """The effect that a row of differences.csv is; it says nothing if zero is in its interval."""
    points, references = Estimate.of(row), row.reference.count("+") + 1
    within = row.ci_low <= 0 <= row.ci_high
    reason = row.reason or ("within noise" if within else "")
    return Effect(row.variant, row.mode, points, references * points.seeds, row.df, reason)


def effects_summary(effects: Sequence[Effect]) -> str:
    """Plain text: one line per effect that was run, in points of AP; empty if none was."""
    if not effects:
        return ""
    lines = [("text and code: variant", "mode", f"AP minus {REFERENCE}'s", "", "")]
    for effect in effects:
        points = number_text(effect.points.value, True), interval_text(effect.points, True)
        told = f"nothing to tell: {effect.reason}" if effect.reason else ""
        lines.append((effect.variant, effect.mode, *points, told))
    return aligned(lines, names=2).replace(MINUS, "-")


def load_recorded(path: Path = FILE) -> RecordedEffects:
    """Read back what `recorded_text` wrote. Raises BadInput if it is something else."""
    recorded = read_checked(path, RecordedEffects, "; `make effects` writes it again")
    effects = tuple(replace(effect, recorded=True) for effect in recorded.effects)
    return replace(recorded, effects=effects)


def recorded_text(effects: Sequence[Effect], provenance: Mapping[str, Any]) -> str:
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
                "points": {
                    **{e: _rounded(getattr(effect.points, e)) for e in ("value", "low", "high")},
                    "seeds": effect.points.seeds,
                },
                "baselines": effect.baselines,
                "df": effect.df,
                "reason": effect.reason,
            }
            for effect in effects
        ],
    }
    return HEAD + yaml.safe_dump(tree, sort_keys=False, width=100)


def _rounded(points: float | None) -> float | None:
    return None if points is None else round(points, 2) + 0.0  # no minus before a zero


def _rows() -> tuple[TextAndCode, ...]:
    """The file's rows, without what a run chose and found."""
    return read_checked(Path(__file__).with_name("text_and_code.yaml"), tuple[TextAndCode, ...])
