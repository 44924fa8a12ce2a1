"""mAP of corners by quadrant with its corners.csv, and the journal's table of AP at one IoU each."""

import pandas as pd
import pytest
from reporting.synthetic import literature, made_corners, run_results, table_context

from cornernet.evaluation.corners import QUADRANTS
from cornernet.evaluation.half_sampling import Interval
from cornernet.reporting.tables.corners import CORNER_COLUMNS, Scored, collect_corners, corner_table
from cornernet.reporting.tables.formats import render_table
from cornernet.reporting.tables.paper_tables import iou_table
from cornernet.reporting.tables.results import read_csv, write_csv

DASH = "\N{EN DASH}"


def table_of(corners, confidence=0.95):
    return corner_table(corners, 12, table_context(confidence=confidence))


def test_val_and_test_dev_stand_apart_beside_the_journals_detectors(tmp_path):
    table = iou_table(run_results(tmp_path), table_context())
    groups = list(dict.fromkeys(row.group for row in table.rows))
    assert groups == ["The journal version, test-dev", "This run, val", "This run, test-dev"]
    (test_dev,) = (row for row in table.rows if row.group == "This run, test-dev")
    assert (test_dev.label, list(test_dev.ours)) == ("full_schedule", list(table.metrics))
    nothing = iou_table(run_results(tmp_path, val=(), test=()), table_context())
    assert nothing.left_out == "Table 5 is left out: nothing was tested at a single scale."


def test_ours_stand_beside_the_journals_numbers_and_their_differences():
    text = render_table(table_of(made_corners(noise=0.0)), "md")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert "found within 12 pixels (val, journal version)" in text
    assert lines[0] == "|  |  | all | top_left | top_right | bottom_left | bottom_right |"
    assert "| without corner pooling | ours | 62.0 [61.0, 63.0] | 66.1 [65.1, 67.1] |" in text
    paper = [line for line in lines if line.startswith("|  | paper")]
    assert paper == [
        f"|  | paper | {DASH} | {top_left} | {DASH} | {DASH} | {bottom_right} |"
        for top_left, bottom_right in (
            ("66.1", "60.8"), ("69.2", "63.5"), ("+3.1", "+2.7"),
            ("53.4", "65.0"), ("56.2", "67.6"), ("+2.8", "+2.6"),
        )
    ]  # fmt: skip
    improvements = [line for line in lines if line.startswith("| improvement")]
    assert "| +3.1 |" in improvements[0]  # one seed: without the noise of training, no interval
    assert "| +2.6 |" in improvements[1]
    assert "(IJCV)" in text
    seeds = render_table(table_of(made_corners(seeds=(0, 1), noise=0.0)), "md")
    assert "+3.1 ± 0.0 [+2.1, +4.1]" in seeds


def test_csv_round_trips_and_its_seeds_are_pooled(tmp_path):
    frame = made_corners(seeds=(0, 1, 2))
    write_csv(frame, tmp_path / "corners.csv")
    read = read_csv(tmp_path / "corners.csv", CORNER_COLUMNS)
    pd.testing.assert_frame_equal(read, frame.round(6), check_dtype=False)
    table = table_of(frame, confidence=0.9)
    first = table.rows[0].ours["top_left"]
    own = frame["variant"].eq("no_corner_pooling") & frame["corner"].eq("top_left")
    of_seeds = frame[own & frame["quadrant"].eq("top_left")]["value"]
    assert (first.value, first.spread) == pytest.approx((of_seeds.mean(), of_seeds.std()))
    assert first.seeds == 3
    assert "90 % intervals" in render_table(table, "md")


def test_a_run_without_corners_leaves_the_table_out(tmp_path):
    write_csv(collect_corners({}, literature()), tmp_path / "corners.csv")
    table = table_of(read_csv(tmp_path / "corners.csv", CORNER_COLUMNS))
    assert table.left_out == "Table 6 is left out: no model's corners were measured."


def test_an_undefined_quadrant_is_a_dash_and_a_model_without_corners_is_not_run():
    scores = dict.fromkeys(QUADRANTS, Interval(None, None, None))
    scores["all"] = Interval(50.0, 49.0, 51.0)
    corners = collect_corners({Scored("baseline", "", 0, "top_left"): scores}, literature())
    dashes = " | ".join([DASH] * 4)
    statuses = [row.status for row in table_of(corners).rows]
    assert statuses == ["not run", "scored", *["not run"] * 4]
    text = render_table(table_of(corners), "md")
    assert f"| with corner pooling | ours | 50.0 [49.0, 51.0] | {dashes} |" in text


def test_a_percentage_over_seeds_ends_at_nought_and_its_differences_do_not():
    scores = {
        Scored("baseline", reference, seed, "top_left"): dict.fromkeys(
            QUADRANTS, Interval(value, value - 1, value + 1)
        )
        for reference in ("", "no_corner_pooling")
        for seed, value in enumerate((2.0, 6.0))
    }
    rows = table_of(collect_corners(scores, literature())).rows
    own, difference = rows[1].ours["all"], rows[2].ours["all"]
    assert own.low == 0.0
    assert difference.low < 0.0
    assert own.high == difference.high
