"""The report: one HTML page that needs no other file and no network."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cornernet.config import Params
from cornernet.evaluation.metric_names import defined, printable
from cornernet.reporting.claims.agreement import agreement_summary
from cornernet.reporting.claims.judge import VERDICTS
from cornernet.reporting.figures.figure import Figure
from cornernet.reporting.origins import Origin, by_span, code_changes, device_hours, models
from cornernet.reporting.rendering import render
from cornernet.reporting.tables.breakdown import Breakdown
from cornernet.reporting.tables.formats import (
    MINUS,
    REFERENCES,
    interval_text,
    legend,
    number_text,
    percent_text,
    subject,
    value_text,
)
from cornernet.reporting.tables.table import Table
from cornernet.reporting.text_and_code import RecordedEffects, TextAndCode
from cornernet.reporting.training_noise import RECORDED

# The order of the figures on the page, first of those that stand with the results by category;
# others follow, by name.
OF_RESULTS = ("ap_by_category", "confusion", "precision_recall_by_category")
FIGURE_ORDER = (
    *OF_RESULTS, "ap_by_size", "training_curves", "precision_recall", "radii", "targets",
)  # fmt: skip
POOLING = "corner_pooling"  # stands with the pictures
# What the verdicts say in one sentence.
SAYS = {
    "reproduced": "reproduces {}",
    "direction reproduced": "finds the direction of {}",
    "contradicted": "contradicts {}",
    "inconclusive": "leaves {} undecided",
    "not run": "does not test {}",
}


@dataclass(frozen=True)
class PageContext:
    """All that the page shows.

    `claims` is claims.csv; `dataset` what `prepare` found; `origins` every job; `accepted` the
    results that `cornernet accept` kept, each with result, modules, because and when.
    """

    params: Params
    claims: pd.DataFrame
    forest: Figure  # of the claims
    headline: Table  # a row per test
    tables: Sequence[Table]
    figures: Sequence[Figure]
    gallery: Sequence[Figure]  # pictures
    differences: Sequence[TextAndCode]
    breakdowns: Sequence[Breakdown]  # the first two, one model's and the mistakes, stand first
    origins: Sequence[Origin]
    dataset: Mapping[str, Any] = field(default_factory=dict)
    accepted: Sequence[Mapping[str, Any]] = ()
    recorded: RecordedEffects | None = None  # of effects that this run did not find
    seeds: pd.DataFrame = field(default_factory=pd.DataFrame)  # seeds.csv
    not_comparable: str = ""  # why this run's numbers cannot be the paper's; empty: they can


def render_page(context: PageContext) -> str:
    """The page's HTML: what was run and found, then everything in sections that fold.

    Where no claim could be judged, the results by category come first, and claims after figures.
    No outside request; styles and script inline, figures as data URIs, pictures as SVG. It can be
    read without the script. Same input, same text.
    """
    figures = sorted(context.figures, key=lambda f: ([*FIGURE_ORDER, f.name].index(f.name), f.name))
    counts = counted(context.claims["verdict"])
    recorded_as = next(filter(None, context.claims["recorded_as"]), "")
    content = {
        "context": context,
        "counts": counts,
        "verdict": verdict(counts),
        "judged": bool((context.claims["verdict"] != "not run").any()),
        "of_results": [figure for figure in figures if figure.name in OF_RESULTS],
        "pooling": [figure for figure in figures if figure.name == POOLING],
        "figures": [f for f in figures if f.name not in (*OF_RESULTS, POOLING)],
        "reference": REFERENCES[context.params.report.reference],
        "confidence": percent_text(context.params.evaluation.confidence),
        "places": {origin.place for origin in context.origins} | {"paper"},
        "models": models(context.origins),
        "hours": sum(
            device_hours(one.record) or 0.0
            for one in context.origins
            if one.record.get("stage") == "train"
        ),
        "commits": sorted(
            {one.record["commit"] for one in context.origins if one.record.get("commit")}
        ),
        "finished": max((str(o.record.get("finished", "")) for o in context.origins), default=""),
        "noise_from": other_processors(context),
        "recorded_as": recorded_as,
        "recorded": verdict(
            counted(context.claims["recorded_verdict"]), f"the same with {recorded_as}"
        ),
        "agreement": agreement_summary(context.seeds),
    }
    filters = {
        "data_uri": data_uri,
        "subject": subject,
        "legend": legend,
        "value": value_text,
        "interval": interval_text,
        "number": number_text,
        "minus": lambda text: re.sub(r"(?<!\w)-(?=\d)", MINUS, text),
        "defined": defined,
        "plain": plain,
        "by_span": by_span,
        "changes": code_changes,
        "slug": lambda text: re.sub(r"\W+", "-", text.lower()).strip("-"),
    }
    return render("page.html.j2", content, filters)


def verdict(counts: Mapping[str, int], who: str = "this run") -> str:
    """What became of the paper's claims, in one sentence."""
    told = [text.format(counts[name]) for name, text in SAYS.items() if counts[name]]
    if list(filter(counts.get, SAYS)) in ([], ["not run"]):
        return "None of the paper's claims was tested."
    listed = ", ".join(told[:-1]) + " and " + told[-1] if len(told) > 1 else told[0]
    return f"Of the paper's {sum(counts.values())} claims, {who} {listed}."


def counted(verdicts: pd.Series) -> dict[str, int]:
    """How many claims got each verdict."""
    return {name: int((verdicts == name).sum()) for name in VERDICTS}


def data_uri(figure: Figure) -> str:
    """The figure as the address of an image that lies in the page itself."""
    return "data:image/svg+xml;base64," + base64.b64encode(figure.svg.encode()).decode("ascii")


def other_processors(context: PageContext) -> str:
    """Where the record of training noise in use was made, if on no processor of this run's."""
    sources = {source for noise in context.claims["noise"] for source in noise.split(" and ")}
    recorded = {one.removeprefix(RECORDED) for one in sources if one.startswith(RECORDED)}
    own = {(one.record.get("hardware") or {}).get("processor") for one in context.origins}
    return ", ".join(sorted(recorded - own))


def plain(value: Any) -> str:
    """A value of a param or a provenance file as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))
