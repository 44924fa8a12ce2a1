"""The differences of the paper's text and the released code, what a run chose, and what they do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from operator import attrgetter
from typing import Any

import pandas as pd
import yaml

from cornernet.config.schema import Params
from cornernet.reporting.recorded_effects import Effect, RecordedEffects
from cornernet.reporting.tables.formats import MINUS, interval_text, number_text
from cornernet.reporting.tables.literature import Cell, Comparison
from cornernet.reporting.tables.results import rows_where
from cornernet.reporting.tables.seeds import Estimate

REFERENCE = "baseline"  # the variant that every other one is held against
SPLIT, METRIC = "val", "AP"
EFFECT_MODES = ("single_scale", "multi_scale")  # those in which an effect is looked for


@dataclass(frozen=True)
class TextAndCode:
    """One difference: what the text says, what the code does, what the run chose, its effect.

    `effects`: one for each variant that shows the difference, and mode in which it was tested.
    `not_shown`: why there are none, where no variant could show it.
    """

    subject: str
    text: str
    code: str
    source: str
    chosen: Mapping[str, Any]  # param -> the run's value
    effects: tuple[Effect, ...] = ()
    not_shown: str = ""


def text_and_code(
    params: Params, differences: pd.DataFrame | None = None, recorded: RecordedEffects | None = None
) -> tuple[TextAndCode, ...]:
    """Every difference in text_and_code.yaml, with the values that `params` has.

    `differences` is differences.csv; an effect that it does not hold is the `recorded` one, or was
    not run.
    """
    return tuple(
        TextAndCode(
            row["subject"],
            row["text"] or "silent",
            row["code"],
            row["source"],
            {name: attrgetter(name)(params) for name in row["params"]},
            tuple(
                effect
                for variant in row.get("shown_by", ())
                for effect in run_effects(variant, differences)
                or (recorded.of(variant) if recorded else [])
                or [Effect(variant, "", None)]
            ),
            row.get("not_shown", ""),
        )
        for row in _rows()
    )


def effect_comparisons() -> tuple[Comparison, ...]:
    """Every comparison that the effects need in differences.csv, as far as a run has both sides."""
    return tuple(
        Comparison(SPLIT, Cell(variant, mode), Cell(REFERENCE, mode))
        for row in _rows()
        for variant in row.get("shown_by", ())
        for mode in EFFECT_MODES
    )


def effects_summary(rows: Sequence[TextAndCode]) -> str:
    """Plain text: one line per effect that was run, in points of AP; empty if none was."""
    ran = [
        (effect.variant, effect.mode, effect.points)
        for row in rows
        for effect in row.effects
        if effect.points is not None and effect.points.value is not None
    ]
    if not ran:
        return ""
    width = max(len(variant) for variant, _, _ in ran)
    head = f"{'text and code: variant':<{width}}  {'mode':<12}  AP minus {REFERENCE}'s"
    lines = [
        f"{variant:<{width}}  {mode:<12}  {number_text(points.value, True):>5}  "
        f"{interval_text(points, True)}"
        for variant, mode, points in ran
    ]
    lines = [line.rstrip().replace(MINUS, "-") for line in lines]
    return "\n".join([head, "-" * len(head), *lines])


def _rows() -> list[dict[str, Any]]:
    file = resources.files("cornernet.reporting").joinpath("text_and_code.yaml")
    rows: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return rows


def run_effects(variant: str, differences: pd.DataFrame | None) -> list[Effect]:
    """The effects of a variant that differences.csv has, one for each mode."""
    if differences is None:
        return []
    found = rows_where(
        differences, variant=variant, reference=REFERENCE, split=SPLIT, metric=METRIC
    )
    return [
        Effect(variant, row.mode, Estimate.of(row))
        for row in found.itertuples()
        if row.mode in EFFECT_MODES
    ]


def effects_to_record(differences: pd.DataFrame) -> tuple[Effect, ...]:
    """Every effect that differences.csv has, in the order of text_and_code.yaml."""
    return tuple(
        effect
        for row in _rows()
        for variant in row.get("shown_by", ())
        for effect in run_effects(variant, differences)
        if effect.points is not None and effect.points.value is not None
    )
