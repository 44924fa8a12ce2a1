"""A table as Markdown, CSV and LaTeX, and the summary of results that a run prints."""

import re
from collections.abc import Sequence

import pandas as pd

from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.rendering import render
from cornernet.reporting.tables.seeds import Estimate, status
from cornernet.reporting.tables.table import Table

REFERENCES = {"eccv": "ECCV 2018", "journal": "IJCV"}
SPLIT_LABELS = {"val": "val, ", "test_dev": "test-dev, ", "": ""}
SUFFIXES = ("md", "csv", "tex")
SUMMARY_METRICS = METRICS[:6]  # average precision, over all IoUs and sizes and by each
EN_DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def render_table(table: Table, suffix: str) -> str:
    """The table in the format of `suffix`: "md", "csv" or "tex" (booktabs)."""
    if suffix == "csv":
        return _csv(table)
    filters = {"subject": subject, "legend": legend, "latex": latex}
    return render(f"table.{suffix}.j2", {"table": table, "lines": _lines(table)}, filters)


def subject(table: Table) -> str:
    """What a table is about, on which split, from which section."""
    return f"{table.title} ({SPLIT_LABELS[table.split]}{table.section})"


def percent_text(confidence: float) -> str:
    """A level of confidence as text: 95 %."""
    return f"{100 * confidence:g} %"


def legend(table: Table) -> str:
    """What the numbers are: said under every table."""
    text = REFERENCES[table.context.reference]
    scores = [e for row in table.rows if not row.signed for e in row.ours.values()]
    seeds = max((score.seeds for score in scores), default=1)
    holds = "over images, without the noise of training"
    if seeds > 1:
        holds = f"over images and trainings, ± the standard deviation over {seeds} seeds"
    words = [
        f"Percent (differences: points). In brackets {percent_text(table.context.confidence)} "
        f"intervals: of a score {holds}"
    ]
    gains = [e for row in table.rows if row.signed for e in row.ours.values()]
    if gains:
        sources = sorted({gain.noise for gain in gains if gain.noise})
        known = f"training ({', '.join(sources)})" if sources else "training, where it is known"
        words.append(
            f"of a difference over images, and between two trainings over {known}; a difference of "
            "trainings whose noise is unknown has none"
        )
    return f"{'; '.join(words)}. Below ours the paper's number ({text})."


def number_text(number: float | None, signed: bool) -> str:
    """A number to one decimal, as the paper prints it; a dash where there is none."""
    if number is None:
        return EN_DASH
    rounded = round(number, 1) + 0.0  # no minus before a zero
    text = f"{rounded:+.1f}" if signed else f"{rounded:.1f}"
    return text.replace("-", MINUS)


def interval_text(estimate: Estimate, signed: bool) -> str:
    """The interval in brackets; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{number_text(estimate.low, signed)}, {number_text(estimate.high, signed)}]"


def value_text(estimate: Estimate, signed: bool) -> str:
    """The value, with its standard deviation over seeds where there are several."""
    text = number_text(estimate.value, signed)
    return f"{text} ± {estimate.spread:.1f}" if estimate.spread is not None else text


def _lines(table: Table) -> list[list[str]]:
    """Each row as lines of text: label, whose, then one cell per metric."""
    lines = []
    for row in table.rows:
        paper = [number_text(row.paper.get(metric), row.signed) for metric in table.metrics]
        if row.status is None:
            lines.append([row.label, "paper", *paper])
            continue
        if row.status == "scored":
            found = [(row.ours[metric], row.signed) for metric in table.metrics]
            ours = [f"{value_text(*one)} {interval_text(*one)}".strip() for one in found]
        else:
            ours = [row.status, *[""] * (len(table.metrics) - 1)]
        lines.append([row.label, "ours", *ours])
        lines.append(["", "paper", *paper])
    return lines


def _csv(table: Table) -> str:
    """One line per row and metric, for programs; empty where there is no number."""
    notice = " ".join(table.context.notice.split())
    names = ["group", "row", "backbone", "status", "metric", "ours", "ci_low", "ci_high"]
    rows = []
    for row in table.rows:
        key = (row.group, row.label, row.backbone, row.status or "from the paper")
        found = row.ours if row.status == "scored" else {}
        for metric in table.metrics:
            one = found.get(metric)
            ours = (one.value, one.low, one.high, one.spread, one.seeds) if one else [None] * 5
            rows.append((*key, metric, *ours, row.paper.get(metric), notice))
    frame = pd.DataFrame(rows, columns=[*names, "spread", "seeds", "paper", "notice"])
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def latex(text: str) -> str:
    """Text as LaTeX wants it; words of more than 20 letters may be broken."""
    special = {
        "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", "\u200b": "\\allowbreak{}",
        "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
        MINUS: "$-$", EN_DASH: "\\textendash{}", "±": "$\\pm$",
    }  # fmt: skip
    special |= {character: f"\\{character}" for character in "&%$#_{}"}
    text = re.sub(r"(\S{20})(?=\S)", "\\1\u200b", " ".join(text.split()))
    escaped = "".join(special.get(character, character) for character in text)
    escaped = re.sub("-(?=-)", "-{}", escaped)  # two hyphens are no dash
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped


def results_summary(results: pd.DataFrame) -> str:
    """Plain text from results.csv: every variant and mode, val before test-dev, in percent.

    Several seeds are averaged; how many there were stands beside the variant.
    """
    lines: list[tuple[str, ...]] = [("split", "variant", "mode", *SUMMARY_METRICS)]
    for (split, variant, mode), rows in results.groupby(["split", "variant", "mode"], sort=False):
        seeds = rows["seed"].nunique()
        scores = ["not scored", *[""] * (len(SUMMARY_METRICS) - 1)]
        if status(rows) == "scored":
            means = rows.groupby("metric")["value"].mean()  # over seeds; NaN where undefined
            scores = [f"{means[name]:.1f}".replace("nan", "-") for name in SUMMARY_METRICS]
        lines.append(
            (split, variant if seeds == 1 else f"{variant} ({seeds} seeds)", mode, *scores)
        )
    return aligned(lines, names=3)


def aligned(lines: Sequence[Sequence[str]], names: int) -> str:
    """A table in plain text, its head first: `names` columns to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.ljust if column < names else str.rjust for column in range(len(widths))]
    text = [
        "  ".join(side(cell, width) for side, cell, width in zip(sides, line, widths, strict=True))
        for line in lines
    ]
    head, *rows = (line.rstrip() for line in text)
    return "\n".join([head, "-" * len(head), *rows])
