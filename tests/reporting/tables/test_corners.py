"""mAP of corners by quadrant with its corners.csv, and the journal's table of AP at one IoU each."""

import math

import numpy as np
from reporting.synthetic import made_corners, run_results, table_context, table_of_corners

from cornernet.evaluation.half_sampling import HalfSampled
from cornernet.evaluation.metric_names import QUADRANTS
from cornernet.reporting.tables.formats import render_table
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.paper_tables import iou_table

DASH = "\N{EN DASH}"
WITH, WITHOUT = Cell("baseline", "top_left_corners"), Cell("no_corner_pooling", "top_left_corners")


def test_val_and_test_dev_stand_apart_beside_the_journals_detectors(tmp_path):
    table = iou_table(run_results(tmp_path), table_context())
    groups = list(dict.fromkeys(row.group for row in table.rows))
    assert groups == ["The journal version, test-dev", "This run, val", "This run, test-dev"]
    (test_dev,) = (row for row in table.rows if row.group == "This run, test-dev")
    assert (test_dev.label, list(test_dev.ours)) == ("full_schedule", list(table.metrics))
    nothing = iou_table(run_results(tmp_path, val=(), test=()), table_context())
    assert nothing.left_out == "Table 5 is left out: none of its rows was run."


def test_ours_stand_beside_the_journals_numbers_and_their_differences():
    text = render_table(table_of_corners(made_corners(noise=0.0)), "md")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert "found within 12 pixels (val, journal version)" in text
    assert lines[0] == "|  |  | all | top_left | top_right | bottom_left | bottom_right |"
    # a standard error of 0.5 * sqrt(2) points
    assert "| without corner pooling | ours | 62.0 [60.6, 63.4] | 66.1 [64.7, 67.5] |" in text
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
    seeds = render_table(table_of_corners(made_corners(seeds=(0, 1), noise=0.0)), "md")
    assert "| 66.1 ± 0.0 [64.7, 67.5] |" in seeds
    assert "+3.1 [+0.3, +5.9]" in seeds  # on the same halves, one goes up where the other goes down


def test_a_run_without_corners_leaves_the_table_out():
    assert table_of_corners({}).left_out == "Table 6 is left out: none of its rows was run."


def test_an_undefined_quadrant_is_a_dash_and_a_model_without_corners_is_not_run():
    values = np.array([[50.5, *[math.nan] * 4], [49.5, *[math.nan] * 4]])
    scored = HalfSampled(dict.fromkeys(QUADRANTS) | {"all": 50.0}, values, 100)
    table = table_of_corners({(WITH, 0): scored})
    dashes = " | ".join([DASH] * 4)
    assert [row.status for row in table.rows] == ["not run", "scored", *["not run"] * 4]
    text = render_table(table, "md")
    assert f"| with corner pooling | ours | 50.0 [48.6, 51.4] | {dashes} |" in text


def test_a_percentage_over_seeds_ends_at_nought_and_its_differences_do_not():
    scored = {
        (cell, seed): HalfSampled(dict.fromkeys(QUADRANTS, value), np.full((2, 5), value), 100)
        for cell, values in ((WITH, (2.0, 6.0)), (WITHOUT, (0.0, 0.0)))
        for seed, value in enumerate(values)
    }
    rows = table_of_corners(scored).rows
    own, difference = rows[1].ours["all"], rows[2].ours["all"]
    assert (own.value, own.low, difference.value) == (4.0, 0.0, 4.0)
    assert difference.low < 0.0
