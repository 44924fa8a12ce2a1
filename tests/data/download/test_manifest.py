"""The manifest's own mistakes, and what a download takes."""

import pytest
from data.download.download_case import SPLITS

from cornernet.data.download.archive import needed_archives, peak_bytes
from cornernet.errors import BadInput

GOOD = {"url": "http://127.0.0.1/train2017.zip", "bytes": 100, "checksum": f"sha256:{64 * '0'}"}
GOOD |= {"unpacked_bytes": 150, "folder": "train2017"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "file:///etc/passwd"}, r"\.url: URL scheme should be 'http' or 'https'"),
        ({"name": "../x.zip"}, r"\.name: String should match"),
        ({"mirrors": ["ftp://127.0.0.1/x"]}, r"\.mirrors\.0: URL scheme"),
        ({"checksum": "sha256:123"}, r"\.checksum: String should match"),
        ({"folder": "../train2017"}, ": '../train2017' leaves the data set's folder"),
        ({"members": ["a.json"]}, ": needs either folder"),
        ({"folder": None}, ": needs either folder"),
        ({"folder": None, "members": ["/a.json"]}, ": '/a.json' leaves the data set's folder"),
        ({"sha256": "0"}, r"\.sha256: Extra inputs are not permitted"),
    ],
)
def test_wrong_entry(changes, reason):
    name = changes.get("name", "train2017.zip")
    with pytest.raises(BadInput, match=rf"^data\.files\.{name}{reason}") as caught:
        needed_archives({name: {**GOOD, **changes}}, SPLITS)
    assert len(caught.value.problems) == 1


def test_peak_counts_the_worst_moment():
    files = {
        "val2017.zip": {**GOOD, "folder": "val2017", "bytes": 10, "unpacked_bytes": 12},
        "train2017.zip": GOOD,
        "other.zip": {**GOOD, "folder": "unlabeled2017"},  # of no split
    }
    archives = needed_archives(files, SPLITS)
    assert [archive.bytes for archive in archives] == [100, 10]
    assert peak_bytes(archives) == 250  # train's zip and folder
