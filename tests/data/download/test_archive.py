"""The manifest's own mistakes; zips that do harm or lie: refused, and nothing of them is unpacked."""

import stat
import struct
import zipfile

import pytest
from data.download.download_case import SPLITS, made_files, zipped

from cornernet.data.download.archive import Archive, needed_archives, peak_bytes, unpack
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


IMAGES = {p: c for p, c in made_files().items() if p.startswith("train2017/")}
FIRST, OTHER = "train2017/0.jpg", "train2017/x.jpg"
WHOLE = zipped(IMAGES)
BOMB = zipped({**IMAGES, FIRST: bytes(5_000_000)}, zipfile.ZIP_DEFLATED)
ENCRYPTED = bytearray(WHOLE)
for signature, flags_at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
    ENCRYPTED[WHOLE.find(signature) + flags_at] |= 1
LINK = zipfile.ZipInfo("train2017/link.jpg")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
HARMFUL_NAMES = (
    *("../evil.jpg", "train2017/../../evil.jpg", "/tmp/evil.jpg", "C:/evil.jpg", "..\\evil.jpg"),
    *("train2017/a\\..\\..\\evil.jpg", "train2017/../train2017/x.jpg"),
)


def unpack_train(tmp_path, content: bytes, **changes) -> list[str]:
    """Unpack a train2017.zip; returns what lies in the data set's folder."""
    path = tmp_path / "train2017.zip"
    path.write_bytes(content)
    (tmp_path / "coco").mkdir()
    entry = {"name": path.name, "url": "http://127.0.0.1/train2017.zip", "unpacked_bytes": 120_000}
    entry |= {"bytes": 120_000, "checksum": f"sha256:{64 * '0'}"}
    archive = Archive(**{**entry, "folder": "train2017", "images": 3, **changes})
    try:
        unpack(path, archive, tmp_path / "coco")
    finally:
        assert {p.name for p in tmp_path.iterdir()} == {"train2017.zip", "coco"}
    return sorted(str(p.relative_to(tmp_path / "coco")) for p in tmp_path.glob("coco/*/*"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        *((zipped({**IMAGES, name: b"evil"}), "leaves the folder") for name in HARMFUL_NAMES),
        (zipped({**IMAGES, LINK: b"/etc/passwd"}), "is a link"),
        (BOMB, "would unpack to 5.08M bytes, the manifest allows 120k bytes"),
        # The stated size is the most that is ever written.
        (BOMB.replace(struct.pack("<L", 5_000_000), struct.pack("<L", 9)), "not a whole zip file"),
        (
            zipped({**IMAGES, OTHER: b""}).replace(OTHER.encode(), FIRST.encode()),
            "holds 4 files in train2017, the manifest says 3",
        ),
        (zipped({FIRST: b""}), "holds 1 files in train2017, the manifest says 3"),
        (bytes(ENCRYPTED), "encrypted"),
        (WHOLE.replace(IMAGES[FIRST], bytes(40_000)), "Bad CRC-32"),
        *((WHOLE[:size], "not a whole zip file") for size in (0, 10, 1000, -30)),
    ],
)
def test_harmful_zip_is_refused(tmp_path, content, reason):
    with pytest.raises(BadInput, match=reason) as caught:
        unpack_train(tmp_path, content)
    assert len(caught.value.problems) == 1
    assert not list((tmp_path / "coco").iterdir())


def test_member_that_is_missing(tmp_path):
    changes = {"folder": None, "images": None, "members": ["annotations/a.json"]}
    with pytest.raises(BadInput, match=r"^train2017\.zip: does not hold annotations/a\.json$"):
        unpack_train(tmp_path, WHOLE, **changes)


def test_whole_folder_without_what_is_beside_it(tmp_path):
    content = zipped({**IMAGES, "__MACOSX/x": b"ignored", "train2017/": b""})
    assert unpack_train(tmp_path, content) == sorted(IMAGES)
