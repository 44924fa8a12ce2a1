"""The report: one HTML page that needs no other file and no network."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd

from cornernet.config import Params
from cornernet.evaluation.metric_names import defined, printable
from cornernet.reporting.claims.judge import VERDICTS
from cornernet.reporting.figures.figure import Figure
from cornernet.reporting.rendering import render
from cornernet.reporting.tables.breakdown import Breakdown
from cornernet.reporting.tables.formats import (
    EN_DASH,
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
from cornernet.training.job import changed_modules

# The order of the figures on the page, first of those that stand with the results by category;
# others follow, by name.
OF_RESULTS = ("ap_by_category", "confusion", "worst_images", "precision_recall_by_category")
FIGURE_ORDER = (
    *OF_RESULTS, "ap_by_size", "training_curves", "detections", "heatmaps", "precision_recall",
    "radii", "targets", "corner_pooling",
)  # fmt: skip


@dataclass(frozen=True)
class PageContext:
    """All that the page shows.

    `claims` is claims.csv; `dataset` what `prepare` found; `provenance` one mapping per file, under
    its name, nested as it was written; `accepted` the results that `cornernet accept` kept, each
    with result, modules, because and when.
    """

    params: Params
    claims: pd.DataFrame
    forest: Figure  # of the claims
    tables: Sequence[Table]
    figures: Sequence[Figure]
    differences: Sequence[TextAndCode]
    breakdowns: Sequence[Breakdown]  # the first two, one model's and the mistakes, stand first
    provenance: Mapping[str, Mapping[str, Any]]
    dataset: Mapping[str, Any] = field(default_factory=dict)
    accepted: Sequence[Mapping[str, Any]] = ()
    recorded: RecordedEffects | None = None  # of effects that this run did not find
    not_comparable: str = ""  # why this run's numbers cannot be the paper's; empty: they can


def render_page(context: PageContext) -> str:
    """The page's HTML: claims first, then tables, results by category, figures, origins.

    Where no claim could be judged, the results by category come first, and claims after figures.
    No script, no outside request; styles inline, figures as data URIs. Same input, same text.
    """
    figures = sorted(context.figures, key=lambda f: ([*FIGURE_ORDER, f.name].index(f.name), f.name))
    content = {
        "context": context,
        "counts": {name: int((context.claims["verdict"] == name).sum()) for name in VERDICTS},
        "judged": bool((context.claims["verdict"] != "not run").any()),
        "of_results": [figure for figure in figures if figure.name in OF_RESULTS],
        "figures": [figure for figure in figures if figure.name not in OF_RESULTS],
        "reference": REFERENCES[context.params.report.reference],
        "confidence": percent_text(context.params.evaluation.confidence),
        "models": provenance_rows(context.provenance),
        "noise_from": other_processors(context),
        "changes": {name: code_changes(made) for name, made in context.provenance.items()},
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
        "by_span": code_by_span,
    }
    return render("page.html.j2", content, filters)


def data_uri(figure: Figure) -> str:
    """The figure as the address of an image that lies in the page itself."""
    return "data:image/svg+xml;base64," + base64.b64encode(figure.svg.encode()).decode("ascii")


def other_processors(context: PageContext) -> str:
    """Where the record of training noise in use was made, if on no processor of this run's."""
    sources = {source for noise in context.claims["noise"] for source in noise.split(" and ")}
    recorded = {one.removeprefix(RECORDED) for one in sources if one.startswith(RECORDED)}
    own = {(made.get("hardware") or {}).get("processor") for made in context.provenance.values()}
    return ", ".join(sorted(recorded - own))


def provenance_rows(provenance: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row per model: commit, hardware, device hours, the tracker's run; – where unknown."""
    rows = []
    for name, made in provenance.items():
        hardware = made.get("hardware") or {}
        devices = hardware.get("gpus") or [hardware.get("processor") or ""]
        used = len(made.get("devices") or [""])
        hours = made["seconds"] * used / 3600 if "seconds" in made else None
        row = {
            "model": name.removesuffix(".provenance.json"),
            "commit": str(made.get("commit") or "")[:12],
            "hardware": f"{used} x {devices[0]}" if devices[0] else "",
            "hours": "" if hours is None else f"{hours:,.1f}" if hours >= 0.1 else f"{hours:.3f}",
            "run": str(made.get("mlflow_run_id") or ""),
            "page": str(made.get("mlflow_page") or ""),
        }
        rows.append({key: text or EN_DASH for key, text in row.items()})
    return rows


def code_by_span(made: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance record, with the code of each span of iterations under a name of its own."""
    spans = {f"code of {_iterations(span)}": span["code"] for span in made.get("code_spans", ())}
    return {key: value for key, value in made.items() if key != "code_spans"} | spans


def code_changes(made: Mapping[str, Any]) -> list[dict[str, str]]:
    """The spans of iterations of a training whose code changed under way, and what changed.

    One row per span; none for a training that ran to its end with one code. A module changed if
    its digest is another one than in the span before, or stands in one of the two alone.
    """
    spans = list(made.get("code_spans", ()))
    if len(spans) < 2:
        return []
    rows = [{"iterations": _iterations(spans[0]), "changed": "the first code"}]
    for before, span in pairwise(spans):
        modules = changed_modules(before["code"], span["code"])
        rows.append({"iterations": _iterations(span), "changed": ", ".join(modules) or "nothing"})
    return rows


def _iterations(span: Mapping[str, Any]) -> str:
    return f"iterations {span['from']} to {span['to']}"


def plain(value: Any) -> str:
    """A value of a param or a provenance file as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))
