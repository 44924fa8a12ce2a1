"""What each category scores, and what each kind of mistake costs: tables in every format."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cornernet.evaluation.metric_names import CATEGORY_METRICS, defined
from cornernet.reporting.rendering import render
from cornernet.reporting.tables.formats import (
    aligned,
    interval_text,
    latex,
    number_text,
    percent_text,
    value_text,
)
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.results import MetricsFile, as_table
from cornernet.reporting.tables.seeds import Estimate
from cornernet.reporting.tables.table import place_of

CATEGORY_COLUMNS = (
    "variant", "seed", "category", "objects", "metric", "value", "ci_low", "ci_high",
)  # fmt: skip
ERROR_COLUMNS = ("variant", "seed", "kind", "count", "cost")
ALL = "all, mean of the categories"  # in place of a category, which is empty in by_category.csv
MEANINGS = {
    "classification": "the place is right, the category is not",
    "localisation": "the category is right, the box is not: IoU 0.1 to 0.5",
    "both": "neither is right",
    "duplicate": "another detection found the object already",
    "background": "no object is there",
    "missed": "no detection comes near the object",
}


@dataclass(frozen=True)
class Breakdown:
    """A table of text; its first `names` columns are no numbers.

    `places` say, for each further column, where the page says how its numbers were made.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: str
    places: tuple[str, ...]
    names: int = 1


def collect_categories(files: Sequence[MetricsFile]) -> pd.DataFrame:
    """by_category.csv: CATEGORY_METRICS of each category of some tests, after those of all."""
    rows = []
    for file in files:
        objects = sum(one.objects for one in file.categories)
        every = ("", objects, file.metrics, file.intervals)
        each = [(one.name, one.objects, one.metrics, one.intervals) for one in file.categories]
        for name, count, metrics, intervals in [every, *each] if each else []:
            for metric in CATEGORY_METRICS:
                ends = intervals.get(metric, (None, None))
                key = (file.variant, file.seed, name, count, metric)
                rows.append((*key, metrics.get(metric), *ends))
    return as_table(rows, CATEGORY_COLUMNS)


def collect_errors(files: Sequence[MetricsFile]) -> pd.DataFrame:
    """errors.csv: the kinds of mistakes of some tests, with their number and cost."""
    rows = [(f.variant, f.seed, e.kind, e.count, e.cost) for f in files for e in f.errors]
    return as_table(rows, ERROR_COLUMNS)


def category_tables(categories: pd.DataFrame, confidence: float) -> list[Breakdown]:
    """A table per model from by_category.csv."""
    legend = (
        f"In percent, with {percent_text(confidence)} intervals over images, without the noise of "
        "training. Categories without objects are undefined and not in the mean."
    )
    tables = []
    for (variant, seed), own in categories.groupby(["variant", "seed"], sort=False):
        rows = []
        for (name, objects), scores in own.groupby(["category", "objects"], sort=False):
            found = [Estimate.of(row) for row in scores.itertuples()]
            cells = [f"{value_text(e, False)} {interval_text(e, False)}".strip() for e in found]
            rows.append((name or ALL, str(objects), *cells))
        head = ("category", "objects", *CATEGORY_METRICS)
        title = f"By category: {variant}-s{seed} on val"
        places = ("job-prepare", *[_place(variant)] * len(CATEGORY_METRICS))
        tables.append(Breakdown(title, head, tuple(rows), legend, places))
    return tables


def error_tables(errors: pd.DataFrame) -> list[Breakdown]:
    """One table from errors.csv, a column per model; none if there is nothing in it."""
    if errors.empty:
        return []
    models = list(errors.groupby(["variant", "seed"], sort=False))
    rows = []
    for kind, meaning in MEANINGS.items():
        found = [row for _, own in models for row in own[own["kind"] == kind].itertuples()]
        cells = [f"{number_text(defined(row.cost), False)} ({row.count})" for row in found]
        rows.append((kind, meaning, *cells))
    head = ("mistake", "what it is", *(f"{variant}-s{seed}" for (variant, seed), _ in models))
    legend = (
        "Points of AP50 that mending this kind of mistake alone would gain, as TIDE (Bolya et al., "
        "2020) defines them, and in brackets how many there are, however low their scores. Costs "
        "do not add up: a mended mistake may bring another to light."
    )
    places = tuple(_place(variant) for (variant, _), _ in models)
    return [Breakdown("What mistakes cost on val", head, tuple(rows), legend, places, names=2)]


def _place(variant: str) -> str:
    return place_of("val", Cell(variant, "single_scale"))


def render_breakdown(tables: Sequence[Breakdown], suffix: str) -> str:
    """The tables as "md" or "tex"; a line that says so where there is none."""
    filters = {"latex": latex, "markdown": _markdown}
    return render(f"breakdown.{suffix}.j2", {"tables": tables}, filters)


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|~$#&{}!])", r"\\\1", text)


def breakdown_lines(
    categories: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]]
) -> str:
    """Plain text of what `evaluate` writes of categories and mistakes, for a terminal."""
    rows = []
    for one in categories:
        scores = (number_text(value, False) for value in one["metrics"].values())
        rows.append((one["name"], str(one["objects"]), *scores))
    costs = [(e["kind"], str(e["count"]), number_text(e["cost"], False)) for e in errors]
    return (
        f"{aligned([('category', 'objects', *CATEGORY_METRICS), *rows], names=1)}\n\n"
        f"{aligned([('mistake', 'number', 'costs AP50'), *costs], names=1)}"
    )
