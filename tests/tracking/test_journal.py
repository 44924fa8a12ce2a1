"""The journal: in order, whoever writes; nothing lost, whoever is killed."""

import multiprocessing
import threading

import pytest

from cornernet.tracking.journal import Journal, journals

RUN = {"profile": "demo", "variant": "baseline", "seed": 0, "created": 1}


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path, "k" * 32, RUN)


def numbers(journal):
    return [entry["n"] for entry, _ in journal.unsent()]


def add(journal, *ns):
    for n in ns:
        journal.append({"kind": "points", "n": n})


def test_entries_come_in_order_until_they_are_sent(journal):
    add(journal, 1, 2, 3)
    assert numbers(journal) == [1, 2, 3]
    (_, first), *_ = journal.unsent()
    journal.sent(first)
    assert numbers(journal) == [2, 3]
    add(journal, 4)
    assert numbers(Journal(journal.folder.parents[1], journal.key, RUN)) == [2, 3, 4]


def test_a_journal_goes_only_when_all_was_sent(journal):
    add(journal, 1, 2)
    positions = [position for _, position in journal.unsent()]
    journal.sent(positions[0])
    assert not journal.remove_if_sent()
    journal.sent(positions[1])
    assert journal.remove_if_sent()
    assert not journal.folder.exists()
    add(journal, 3)  # and begins anew
    assert numbers(journal) == [3]


def test_a_line_that_a_killed_writer_left_is_void_and_costs_no_other(journal):
    add(journal, 1)
    with (journal.folder / "journal.jsonl").open("a") as stream:
        stream.write('{"kind": "points", "n": 2')
    assert numbers(journal) == [1]
    add(journal, 3)
    assert numbers(journal) == [1, 3]


@pytest.mark.parametrize("large", [0, 10**9])
def test_files_are_kept_as_they_were(journal, tmp_path, monkeypatch, large):
    monkeypatch.setattr("cornernet.tracking.journal.LARGE", large)
    path = tmp_path / "metrics.json"
    path.write_text("old")
    journal.append({"kind": "artifact", "n": 1}, {"metrics.json": path})
    (tmp_path / "next").write_text("new")
    (tmp_path / "next").replace(path)  # as every file here is written
    ((entry, _),) = journal.unsent()
    kept = journal.kept(entry["files"]) / "metrics.json"
    assert kept.read_text() == "old"
    assert kept.stat().st_nlink == 1  # the other name is gone
    journal.discard(entry["files"])
    assert not journal.kept(entry["files"]).exists()


def test_only_one_sends_at_a_time_and_who_waited_for_a_journal_that_is_gone_nothing(journal):
    add(journal, 1)
    got = []

    def wait():
        with journal.sending(20) as mine:
            got.append(mine)

    with journal.sending(0) as first:
        assert first
        with journal.sending(0.2) as second:
            assert not second
        waiting = threading.Thread(target=wait)
        waiting.start()
        journal.sent([position for _, position in journal.unsent()][-1])
        journal.remove_if_sent()
    waiting.join(30)
    assert got == [False]


def _write_and_send(folder, writer, seen):
    """Add entries; now and then send what there is, and remove the journal."""
    journal = Journal(folder, "k" * 32, RUN)
    for n in range(60):
        journal.append({"kind": "points", "n": [writer, n]})
        if n % 7 == writer:
            with journal.sending(0) as mine:
                if mine:
                    for entry, position in journal.unsent():
                        seen.append(entry["n"])
                        journal.sent(position)
            journal.remove_if_sent()


def test_processes_that_write_send_and_remove_lose_and_double_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        seen = manager.list()
        writers = [
            context.Process(target=_write_and_send, args=(tmp_path, i, seen)) for i in range(3)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(120)
            assert writer.exitcode == 0
        journal = Journal(tmp_path, "k" * 32, RUN)
        entries = [tuple(n) for n in [*seen, *numbers(journal)]]
    assert sorted(entries) == [(writer, n) for writer in range(3) for n in range(60)]
    for writer in range(3):
        assert [n for who, n in entries if who == writer] == list(range(60))


def test_all_journals_are_found_the_oldest_first(tmp_path):
    for number, created in enumerate((3, 1, 2)):
        add(Journal(tmp_path, f"{number}", {**RUN, "created": created}), 1)
    assert [journal.key for journal in journals(tmp_path)] == ["1", "2", "0"]
    assert journals(tmp_path)[0].run == {"kind": "run", "key": "1", **RUN, "created": 1}
