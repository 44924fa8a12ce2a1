"""The journal's mAP of corners by quadrant: corners.csv and its table."""

import pandas as pd
import pytest
from reporting.synthetic import literature, made_corners

from cornernet.reporting.tables.corner_table import (
    CORNER_COLUMNS,
    QUADRANTS,
    Scored,
    collect_corners,
    corner_table,
    read_corners,
)
from cornernet.reporting.tables.formats import render_table
from cornernet.reporting.tables.results import write_csv

DASH = "\N{EN DASH}"


def test_ours_stand_beside_the_journals_numbers_and_their_differences():
    text = render_table(corner_table(made_corners(noise=0.0), literature(), 12), "md")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert "found within 12 pixels (val, journal version)" in text
    assert lines[0] == "|  |  | all | top_left | top_right | bottom_left | bottom_right |"
    assert "| without corner pooling | ours | 62.0 [61.0, 63.0] | 66.1 [65.1, 67.1] |" in text
    paper = [line for line in lines if line.startswith("|  | paper")]
    assert paper == [
        f"|  | paper | {DASH} | 66.1 | {DASH} | {DASH} | 60.8 |",
        f"|  | paper | {DASH} | 69.2 | {DASH} | {DASH} | 63.5 |",
        f"|  | paper | {DASH} | +3.1 | {DASH} | {DASH} | +2.7 |",
        f"|  | paper | {DASH} | 53.4 | {DASH} | {DASH} | 65.0 |",
        f"|  | paper | {DASH} | 56.2 | {DASH} | {DASH} | 67.6 |",
        f"|  | paper | {DASH} | +2.8 | {DASH} | {DASH} | +2.6 |",
    ]
    improvements = [line for line in lines if line.startswith("| improvement")]
    assert "+3.1 [+2.1, +4.1]" in improvements[0]
    assert "+2.6 [+1.6, +3.6]" in improvements[1]
    assert "(IJCV)" in text


def test_seeds_are_pooled_with_their_spread_and_the_confidence_is_said():
    frame = made_corners(seeds=(0, 1, 2))
    table = corner_table(frame, literature(), 12, confidence=0.9)
    first = table.rows[0].ours["top_left"]
    of_seeds = frame[
        (frame["variant"] == "no_corner_pooling")
        & (frame["corner"] == "top_left")
        & (frame["quadrant"] == "top_left")
    ]["value"]
    assert first.value == pytest.approx(of_seeds.mean())
    assert first.spread == pytest.approx(of_seeds.std())
    assert first.seeds == 3
    assert "90 % interval" in render_table(table, "md")
    wider = corner_table(frame, literature(), 12, confidence=0.99).rows[0].ours["top_left"]
    assert wider.low < first.low < first.high < wider.high


def test_csv_round_trips(tmp_path):
    frame = made_corners()
    write_csv(frame, tmp_path / "corners.csv")
    read = read_corners(tmp_path / "corners.csv")
    pd.testing.assert_frame_equal(read, frame.round(6), check_dtype=False)
    assert tuple(read.columns) == CORNER_COLUMNS
    assert len(read) == 6 * len(QUADRANTS)


def test_a_run_without_corners_leaves_the_table_out(tmp_path):
    empty = collect_corners({}, literature())
    write_csv(empty, tmp_path / "corners.csv")
    table = corner_table(read_corners(tmp_path / "corners.csv"), literature(), 12)
    assert table.left_out == "Table 6 is left out: no model's corners were measured."
    assert not table.rows


def test_one_model_alone_has_its_row_and_the_others_say_so():
    frame = made_corners()
    alone = frame[(frame["variant"] == "baseline") & (frame["reference"] == "")]
    statuses = [row.status for row in corner_table(alone, literature(), 12).rows]
    assert statuses == ["not run", "scored", "not run"] * 2


def test_an_undefined_quadrant_is_a_dash():
    scores = dict.fromkeys(QUADRANTS, (None, None, None)) | {"all": (50.0, 49.0, 51.0)}
    key = Scored("baseline", "", 0, "top_left")
    text = render_table(
        corner_table(collect_corners({key: scores}, literature()), literature(), 4), "md"
    )
    assert (
        f"| with corner pooling | ours | 50.0 [49.0, 51.0] | {DASH} | {DASH} | {DASH} | {DASH} |"
        in text
    )


def test_a_percentage_over_seeds_ends_at_nought_and_its_differences_do_not():
    scores = {
        Scored("baseline", reference, seed, "top_left"): dict.fromkeys(QUADRANTS, (value, value - 1, value + 1))
        for reference in ("", "no_corner_pooling")
        for seed, value in enumerate((2.0, 6.0))
    }  # fmt: skip
    rows = corner_table(collect_corners(scores, literature()), literature(), 4).rows
    own, difference = rows[1].ours["all"], rows[2].ours["all"]
    assert own.low == 0.0
    assert difference.low < 0.0
    assert own.high == difference.high
