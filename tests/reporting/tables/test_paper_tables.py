"""Tables 1 to 4 in their three formats, and what stands in for Table 4 while its scores wait."""

import csv
import io
import re

import pytest
from reporting.synthetic import (
    NOT_SCORED,
    paired_differences,
    run_results,
    run_tests,
    table_context,
    write_metrics,
)
from reporting.synthetic_page import NOTICE

from cornernet.reporting.tables.formats import SUFFIXES, render_table
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.paper_tables import build_tables, waiting_table
from cornernet.reporting.tables.seeds import estimates


def tables(folder, notice=NOTICE, confidence=0.95, server=False, **run):
    results = run_results(folder, **run)
    differences = paired_differences(run_tests(results, server=server))
    return build_tables(results, differences, table_context(notice, confidence))


def of_this_run(table):
    return [row for row in table.rows if row.status is not None]


def test_every_number_of_the_paper_stands_beside_ours(tmp_path):
    text = render_table(tables(tmp_path, noise=0.0)[0], "md")
    assert text.startswith(f"> {NOTICE}")
    assert "| with corner pooling | ours | 38.5 [37.5, 39.5] | 54.1 [53.1, 55.1] |" in text
    assert "|  | paper | 38.5 | 54.1 | 41.1 | 17.7 | 41.1 | 52.5 |" in text
    assert "| improvement | ours | +2.0 [+1.5, +2.5] |" in text
    assert "|  | paper | +2.0 | +2.1 | +2.2 | +0.1 | +2.4 | +3.7 |" in text
    assert not render_table(tables(tmp_path, notice="")[0], "md").startswith(">")


def test_a_row_that_was_not_run_says_so_and_a_table_of_such_rows_is_left_out(tmp_path):
    first, *_, fourth = tables(tmp_path, val=("baseline/single_scale",), test=())
    text = render_table(first, "md")
    assert "| without corner pooling | ours | not run |" in text
    assert "| improvement | ours | not run |" in text
    assert "36.5" in text  # the paper's number is there all the same
    assert fourth.left_out == "Table 4 is left out: none of its rows was run."
    for text in (render_table(fourth, suffix) for suffix in SUFFIXES):
        assert "DeNet" not in text
        assert text.endswith("\n")


@pytest.mark.parametrize("state", [NOT_SCORED, "scored"])
def test_val_never_stands_under_test_dev(tmp_path, state):
    fourth = tables(tmp_path, test_status=state, noise=0.0)[3]
    assert [row.label for row in of_this_run(fourth)][:2] == [
        "CornerNet511 (single scale)", "CornerNet511 (multi scale)",
    ]  # fmt: skip
    assert {row.status for row in of_this_run(fourth)} == {state}
    text = render_table(fourth, "md")
    assert text.count(NOT_SCORED) == (3 if state == NOT_SCORED else 0)
    assert "| RetinaNet800 | paper | 39.1 |" in text


def test_models_that_wait_have_their_val_scores_said_to_be_vals(tmp_path):
    results = run_results(tmp_path, test_status=NOT_SCORED)
    (waiting,) = waiting_table(results, table_context())
    assert [row.label for row in waiting.rows] == ["full_schedule (single scale)"]
    expected = estimates(results, "val", Cell("full_schedule", "single_scale"), ["AR100"])["AR100"]
    assert waiting.rows[0].ours["AR100"] == expected
    assert len(waiting.metrics) == 12
    assert "on val (val, no score of test-dev)" in render_table(waiting, "md")
    assert waiting_table(run_results(tmp_path), table_context()) == []  # all are scored
    assert waiting_table(run_results(tmp_path, test=()), table_context()) == []
    untested = run_results(tmp_path, val=("baseline/single_scale",), test_status=NOT_SCORED)
    (nothing,) = waiting_table(untested, table_context())
    assert nothing.left_out == "Table 7 is left out: none of its rows was run."


def test_seeds_are_averaged_with_their_spread_and_the_confidence_is_said(tmp_path):
    run = {"seeds": (0, 1, 2), "noise": 1.0}
    wide, narrow = (tables(tmp_path, confidence=level, **run)[0] for level in (0.99, 0.5))
    assert wide.rows[1].ours["AP"].seeds == 3
    text = render_table(wide, "md")
    assert re.search(r"with corner pooling \| ours \| \d\d\.\d ± \d\.\d \[", text)
    assert "over 3 seeds" in text
    assert "In brackets 99 % intervals: of a score over images and trainings" in text
    for first, second in zip(wide.rows[:2], narrow.rows[:2], strict=True):
        # the seeds' part of the interval grows with the confidence asked for
        assert first.ours["AP"].low < second.ours["AP"].low
        assert first.ours["AP"].high > second.ours["AP"].high


def test_other_variants_join_tables_3_and_4(tmp_path):
    extra = [
        write_metrics(tmp_path, "fixed_radius/gt_heatmaps", "val"),
        write_metrics(tmp_path, "baseline/single_scale", "test_dev"),
    ]
    _, second, third, fourth = tables(tmp_path, extra=extra)
    assert "fixed_radius (with ground-truth heatmaps)" in [row.label for row in third.rows]
    assert "baseline (single scale)" in [row.label for row in fourth.rows]
    assert len(second.rows) == 5


def test_the_released_weights_stand_for_the_full_schedule(tmp_path):
    test = ("released_weights/single_scale", "released_weights/multi_scale")
    ours = of_this_run(tables(tmp_path, val=(), test=test, server=True)[3])
    assert [row.status for row in ours] == ["scored"] * 3
    assert ours[0].paper["AP"] == 40.5
    single, multi, gain = (row.ours["AP"] for row in ours)
    assert gain.value == pytest.approx(multi.value - single.value)
    assert gain.low is None  # a server tells no image's own score


def test_csv_holds_every_cell(tmp_path):
    for table in tables(tmp_path, seeds=(0, 1)):
        rows = list(csv.DictReader(io.StringIO(render_table(table, "csv"))))
        assert len(rows) == len(table.rows) * len(table.metrics)
        for row in rows:
            assert row["ours"] == "" or float(row["ci_low"]) <= float(row["ours"])


def test_tex_is_balanced_and_escaped(tmp_path):
    extra = [write_metrics(tmp_path, "fixed_radius/gt_heatmaps", "val")]
    for table in tables(tmp_path, extra=extra):
        text = render_table(table, "tex")
        body = [line for line in text.splitlines() if line.endswith("\\\\")]
        assert {line.count(" & ") for line in body} == {len(table.metrics) + 1}
        shown = "".join(line for line in text.splitlines() if "&" in line or "caption" in line)
        assert not re.search(r"(?<!\\)[_%#]", shown)
        assert text.index("\\toprule") < text.index("\\bottomrule")
