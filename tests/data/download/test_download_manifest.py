"""The manifest's own mistakes, and what a download takes."""

import pytest
from data.download.download_case import SPLITS

from cornernet.data.download.manifest import describe_download, needed_archives, read_manifest
from cornernet.data.download.progress import Progress, size_text, time_text
from cornernet.errors import BadInput

GOOD = {
    "url": "http://127.0.0.1/train2017.zip",
    "bytes": 100,
    "checksum": None,
    "unpacked_bytes": 150,
    "folder": "train2017",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "file:///etc/passwd"}, "http or https"),
        ({"url": None}, "http or https"),
        ({"mirrors": ["ftp://127.0.0.1/x"]}, "http or https"),
        ({"bytes": -1}, "bytes must be a positive whole number"),
        ({"unpacked_bytes": None}, "unpacked_bytes must be"),
        ({"checksum": "sha256:123"}, "checksum must be"),
        ({"checksum": "crc32:00000000"}, "checksum must be"),
        ({"folder": "../train2017"}, "leaves the data set's folder"),
        ({"members": ["a.json"]}, "either folder"),
        ({"folder": None}, "either folder"),
        ({"folder": None, "members": ["/a.json"]}, "leaves the data set's folder"),
        ({"sha256": "0"}, "unknown key 'sha256'"),
    ],
)
def test_wrong_entry(changes, reason):
    with pytest.raises(BadInput, match=reason) as caught:
        read_manifest({"train2017.zip": {**GOOD, **changes}})
    assert all(p.startswith("data.files.train2017.zip: ") for p in caught.value.problems)


def test_name_that_is_a_path():
    with pytest.raises(BadInput, match="plain file name"):
        read_manifest({"../train2017.zip": GOOD})


def test_peak_counts_the_worst_moment():
    files = {
        "val2017.zip": {**GOOD, "folder": "val2017", "bytes": 10, "unpacked_bytes": 12},
        "train2017.zip": GOOD,
    }
    fetched, on_disk = describe_download(files)
    assert fetched == 110
    assert on_disk == 250  # train's zip and folder; then 150 + 10 + 12
    kept = {name: {**entry, "keep": True} for name, entry in files.items()}
    assert describe_download(kept)[1] == 250 + 22


def test_archives_of_splits_that_are_not_named_are_left_out():
    files = {"train2017.zip": GOOD, "other.zip": {**GOOD, "folder": "unlabeled2017"}}
    chosen = needed_archives(read_manifest(files), SPLITS)
    assert [archive.name for archive in chosen] == ["train2017.zip"]
    assert describe_download(files, SPLITS)[0] == 100


def test_rate_and_time_left():
    lines, now = [], iter([0.0, 1.0, 5.0, 6.0])
    progress = Progress("x.zip", 100_000, 1_000_000, lines.append, 5.0, clock=lambda: next(now))
    progress.advance(50_000)
    progress.advance(50_000)
    progress.advance(50_000)
    assert lines == ["x.zip: 200.00 kB of 1.00 MB (20 %), 20.00 kB/s, 40 s left"]


def test_sizes_and_times_as_text():
    assert [size_text(n) for n in (12, 1500, 2.5e6, 19336861798)] == [
        "12 bytes",
        "1.50 kB",
        "2.50 MB",
        "19.34 GB",
    ]
    assert [time_text(s) for s in (3, 200, 7500)] == ["3 s", "3 min 20 s", "2 h 05 min"]
