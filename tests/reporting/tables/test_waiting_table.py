"""While test-dev waits for its scores, val stands beside it under its own name."""

from reporting.synthetic import literature, write_run

from cornernet.reporting.tables.formats import render_table
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.results import collect_results
from cornernet.reporting.tables.seeds import estimate, select
from cornernet.reporting.tables.waiting_table import waiting_table

WAITING = "submitted, not scored"


def table(folder, **run):
    results = collect_results(write_run(folder, **run), literature(), "eccv")
    return results, waiting_table(results, literature(), "eccv")


def test_models_that_wait_have_their_val_scores_said_to_be_vals(tmp_path):
    results, waiting = table(tmp_path, test_status=WAITING)
    assert [row.label for row in waiting.rows] == ["full_schedule (single scale)"]
    expected = estimate(select(results, "val", Cell("full_schedule", "single_scale")), "AR100")
    assert waiting.rows[0].ours["AR100"] == expected
    assert len(waiting.metrics) == 12
    assert waiting.split == "val"
    assert "on val (val, no score of test-dev)" in render_table(waiting, "md")


def test_there_is_none_once_test_dev_is_scored_or_was_not_asked_for(tmp_path):
    assert table(tmp_path)[1] is None
    assert table(tmp_path, test=())[1] is None


def test_a_model_that_was_not_tested_on_val_leaves_it_out(tmp_path):
    waiting = table(tmp_path, val=("baseline/single_scale",), test_status=WAITING)[1]
    assert waiting.left_out == "Table 7 is left out: none of them was tested on val."
