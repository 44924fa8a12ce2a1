"""The history file survives crashes and never doubles a row."""

from cornernet.training import history


def row(iteration):
    values = dict.fromkeys(history.COLUMNS, 0.1 + iteration / 3)
    return {**values, "iteration": iteration}


def test_rows_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "history.csv"
    assert history.read_history(path) == []  # nor is a missing file an error
    history.start_history(path, 0)
    for iteration in (5, 10):
        history.append_row(path, row(iteration))
    assert history.read_history(path) == [row(5), row(10)]
    assert path.read_text().splitlines()[0] == (
        "iteration,learning_rate,total,focal_tl,focal_br,pull,push,offset,images_per_second"
    )
    history.start_history(path, 7)  # rows beyond the checkpoint go
    assert history.read_history(path) == [row(5)]


def test_a_row_cut_short_by_a_crash_is_dropped(tmp_path):
    path = tmp_path / "history.csv"
    history.write_history(path, [row(5), row(10)])
    whole = path.read_text()
    for cut in range(1, len(whole) - whole.index("\n10")):
        path.write_text(whole[:-cut])
        rows = history.read_history(path)
        # The line's end and the last digits may go unnoticed: checkpoints come after whole rows.
        assert [r["iteration"] for r in rows] in ([5], [5, 10])
        assert len(rows) == 1 or whole[:-cut].count(",") == whole.count(",")
