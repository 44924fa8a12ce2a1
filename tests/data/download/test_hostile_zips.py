"""Zips that do harm or lie: refused, and nothing of them is in the data set's folder."""

import stat
import struct
import zipfile

import pytest
from data.download.download_case import made_files, zipped
from hypothesis import given
from hypothesis import strategies as st

from cornernet.data.download.archive import unpack
from cornernet.data.download.manifest import Archive, is_inside
from cornernet.errors import BadInput

IMAGES = {p: c for p, c in made_files().items() if p.startswith("train2017/")}
FIRST = next(iter(IMAGES))
WHOLE = zipped(IMAGES)


def unpacked(tmp_path, content: bytes, **changes) -> set[str]:
    """Unpack; returns the files in the data set's folder."""
    path = tmp_path / "downloads" / "train2017.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (tmp_path / "coco").mkdir()
    values = {
        "name": "train2017.zip",
        "url": "http://127.0.0.1/train2017.zip",
        "unpacked_bytes": sum(map(len, IMAGES.values())),
        "folder": "train2017",
        "images": len(IMAGES),
    }
    unpack(path, Archive(**{**values, **changes}), tmp_path / "coco")
    coco = tmp_path / "coco"
    return {str(p.relative_to(coco)) for p in coco.rglob("*") if p.is_file()}


def with_link() -> bytes:
    link = zipfile.ZipInfo("train2017/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped({**IMAGES, link: b"/etc/passwd"})


def with_a_name_twice() -> bytes:
    """Two names of one length, the second then overwritten by the first."""
    other = FIRST[:-5] + "x.jpg"
    return zipped({**IMAGES, other: b""}).replace(other.encode(), FIRST.encode())


def with_a_lie_about_its_size() -> bytes:
    """A bomb whose stated size is small: the stated size is the most that is ever written."""
    bomb = bytes(5_000_000)
    small, large = struct.pack("<L", 1000), struct.pack("<L", len(bomb))
    return zipped({**IMAGES, FIRST: bomb}, zipfile.ZIP_DEFLATED).replace(large, small)


def encrypted() -> bytes:
    content = bytearray(WHOLE)
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(signature) + offset] |= 1
    return bytes(content)


def with_a_flipped_byte() -> bytes:
    return WHOLE[:60_000] + bytes([WHOLE[60_000] ^ 0xFF]) + WHOLE[60_001:]


HARMFUL_NAMES = [
    "../evil.jpg",
    "train2017/../../evil.jpg",
    "/tmp/evil.jpg",
    "C:/evil.jpg",
    "..\\evil.jpg",
    "train2017/a\\..\\..\\evil.jpg",
    "train2017/../train2017/x.jpg",
]


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        *((zipped({**IMAGES, n: b"evil"}), {}, "leaves the folder") for n in HARMFUL_NAMES),
        (with_link(), {}, "is a link"),
        (
            zipped({**IMAGES, FIRST: bytes(5_000_000)}, zipfile.ZIP_DEFLATED),
            {},
            "would unpack to 5.08M bytes, the manifest allows 120k bytes",
        ),
        (with_a_lie_about_its_size(), {}, "not a whole zip file"),
        (with_a_name_twice(), {}, "a file twice under the same name"),
        (zipped({FIRST: b""}), {}, "holds 1 files in train2017, the manifest says 3"),
        (
            WHOLE,
            {"folder": None, "images": None, "members": ["annotations/a.json"]},
            "train2017.zip: does not hold annotations/a.json",
        ),
        (encrypted(), {}, "encrypted"),
        (with_a_flipped_byte(), {}, "Bad CRC-32"),
        *((WHOLE[:keep], {}, "not a whole zip file") for keep in (0, 10, 1000, -30)),
    ],
)
def test_harmful_zip_is_refused(tmp_path, content, changes, reason):
    with pytest.raises(BadInput) as caught:
        unpacked(tmp_path, content, **changes)
    (line,) = caught.value.problems
    assert reason in line
    there = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert there == [tmp_path / "downloads" / "train2017.zip"]
    assert not list((tmp_path / "coco").iterdir())


def test_whole_folder_without_what_is_beside_it(tmp_path):
    content = zipped({**IMAGES, "__MACOSX/x": b"ignored", "train2017/": b""})
    assert unpacked(tmp_path, content) == set(IMAGES)


@given(st.text(alphabet="a./\\:\0", min_size=1, max_size=12))
def test_paths_called_inside_are_inside(name):
    if is_inside(name):
        depth = 0
        for part in name.split("/"):
            depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
            assert depth >= 0
        assert not name.startswith("/")
