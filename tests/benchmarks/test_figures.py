"""The figures in the documents' tables of benchmarks are those of the committed records."""

import json
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
RECORDS = [json.loads(p.read_text()) for p in (REPOSITORY / "reports/benchmarks").glob("*.json")]
FIGURE = re.compile(r"(\d+(?:\.\d+)?) (s|ms|times|images/s|GB|%)(?!\w)")


def rows(text):
    """(benchmark, what was measured) of each row; "the same" is the benchmark of the row above."""
    name, found = "", []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 3:
            continue
        named = re.search(r"python -m benchmarks (\w+)", cells[1])
        name = named[1] if named else name
        if named or cells[1] == "the same":
            found.append((name, cells[-1]))
    return found


def wrong_figures(text):
    """What a document shows, and no record has: rounded as shown, of the day that it says."""
    wrong = []
    for name, cell in rows(text):
        of_day = [r for r in RECORDS if r["benchmark"] == name and r["date"][:10] in cell]
        measured = [(m["median"], m["unit"]) for r in of_day for m in r["measurements"]]
        for number, unit in FIGURE.findall(cell):
            decimals = len(number.partition(".")[2])
            if (float(number), unit) not in [(round(m, decimals), u) for m, u in measured]:
                wrong.append(f"{name}: {number} {unit}")
        if not of_day and cell != "not yet measured":
            wrong.append(f"{name}: {cell}")
    return wrong


def test_every_figure_has_its_record():
    text = (REPOSITORY / "docs/how-to/gpu-check.md").read_text()
    assert len(rows(text)) >= 8
    assert wrong_figures(text) == []
