"""Tables by category and of mistakes, and that any name of a category is shown everywhere."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from reporting.synthetic_page import breakdowns, figures_by_category, page_context, pictures

from cornernet.evaluation.errors.kinds import KINDS
from cornernet.evaluation.metric_names import category_labels, printable
from cornernet.reporting.figures.figure import read_figure, write_figure
from cornernet.reporting.page import render_page
from cornernet.reporting.tables.breakdown import (
    CATEGORY_COLUMNS,
    ERROR_COLUMNS,
    breakdown_lines,
    category_tables,
    collect_categories,
    collect_errors,
    error_tables,
    render_breakdown,
)
from cornernet.reporting.tables.formats import EN_DASH
from cornernet.reporting.tables.results import read_csv, write_csv

LATIN = [
    "$\\badcommand{$", "$x^2$", "_background_", "a|b & c # 50% ~^ [1] *2*", "x" * 200,
    "*first", "<b>bold</b> -- {#if}", "two\nlines\x07", "007",
]  # fmt: skip
NAMES = [*LATIN, "כלב קטן", "قطة", "猫", "\u202emirrored", "last"]
SHOWN = category_labels(NAMES, range(len(NAMES)))


def text_of(svg):
    """All text of a picture, in which names of several lines are whole again."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return "".join("".join(text.itertext()) for text in texts)


def test_names_are_shown_as_they_are_but_for_what_cannot_be_shown():
    assert [one for one, name in zip(SHOWN, NAMES, strict=True) if one != name] == [
        "two\\nlines\\x07", "\\u202emirrored",
    ]  # fmt: skip
    assert category_labels(["a", "b", "a"], [1, 5, 9]) == ("a (id 1)", "b", "a (id 9)")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return breakdowns(tmp_path_factory.mktemp("tables"), NAMES)


def test_csv_gives_the_same_tables_again(tables, tmp_path):
    categories, errors, by_category, of_errors = tables
    for frame, columns in ((categories, CATEGORY_COLUMNS), (errors, ERROR_COLUMNS)):
        write_csv(frame, tmp_path / "t.csv")
        again = read_csv(tmp_path / "t.csv", columns)
        if columns == ERROR_COLUMNS:
            assert error_tables(again) == of_errors
        else:
            assert category_tables(again, 0.95) == by_category
    assert [row[0] for row in by_category[0].rows[1:]] == list(SHOWN)
    assert by_category[0].rows[-1][1:] == ("9", *["40.0 [35.0, 45.0]"] * 4)
    assert [row[0] for row in of_errors[0].rows] == list(KINDS)
    assert of_errors[0].rows[0][2:] == ("1.2 (3)", "1.2 (3)")
    assert collect_categories([]).empty
    assert render_breakdown(error_tables(collect_errors([])), "md").startswith("Nothing was scored")


def test_markdown_shows_every_name(tables):
    text = render_breakdown(tables[2], "md")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 2 * (len(NAMES) + 3)  # with head, rule and the mean
    cells = [re.split(r"(?<!\\)\|", line)[1].strip() for line in lines]
    assert [re.sub(r"\\(_|[^\w\s])", r"\1", cell) for cell in cells[3 : len(NAMES) + 3]] == list(
        SHOWN
    )
    assert "$x" not in text.replace("\\$", "")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_is_set(tmp_path):
    """Of the names that pdflatex has letters for."""
    *_, by_category, errors = breakdowns(tmp_path / "metrics", LATIN)
    body = "".join(render_breakdown(tables, "tex") for tables in (by_category, errors))
    head = "\\documentclass{article}\n\\usepackage{array,booktabs,longtable}\n\\begin{document}\n"
    (tmp_path / "t.tex").write_text(f"{head}{body}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "$\\badcommand" not in body


def test_figures_and_page_show_every_name(tmp_path):
    figures = figures_by_category(NAMES)
    for figure in [*figures, *pictures(NAMES)]:
        write_figure(figure, tmp_path)
        assert read_figure(tmp_path / f"{figure.name}.svg") == figure
    by_category, curves, confusion = (text_of(figure.svg) for figure in figures)
    assert all(re.search(rf"\d {re.escape(name)}", confusion) for name in SHOWN)
    with_objects = [name for name in SHOWN if name in by_category]
    assert len(with_objects) > 8
    assert all(name in curves for name in with_objects)
    context = page_context(tmp_path, figures=figures)
    *_, by_category, errors = breakdowns(tmp_path / "metrics", NAMES)
    page = render_page(replace(context, breakdowns=[*by_category, *errors]))
    rows = Rows()
    rows.feed(page)
    assert [row for row in rows.found if row in SHOWN][: len(SHOWN)] == list(SHOWN)


class Rows(HTMLParser):
    """What stands in the page's elements for names, <bdi>."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], False

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "bdi"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found.append(data)


def test_a_terminal_gets_a_line_per_category_and_kind():
    scores = {"AP": 12.34, "AP50": None, "AP75": 3.0, "AR100": 4.0}
    category = {"name": printable("a\x1b[31m"), "objects": 7, "metrics": scores}
    text = breakdown_lines([category], [{"kind": "both", "count": 3, "cost": 0.25}])
    head, _, row, _, *costs = text.splitlines()
    assert head.split() == ["category", "objects", *scores]
    assert row.split() == ["a\\x1b[31m", "7", "12.3", EN_DASH, "3.0", "4.0"]
    assert [line.split() for line in costs[::2]] == [
        ["mistake", "number", "costs", "AP50"], ["both", "3", "0.2"],
    ]  # fmt: skip
