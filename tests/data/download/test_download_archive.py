"""Zips that do harm or lie: refused, and nothing of them is in the data set's folder."""

import io
import stat
import struct
import zipfile

import pytest
from data.download.download_case import made_files
from hypothesis import given
from hypothesis import strategies as st

from cornernet.data.download.archive import BrokenArchive, unpack
from cornernet.data.download.manifest import Archive, is_inside

TRAIN = {p: c for p, c in made_files().items() if p.startswith("train2017/")}


def archive(**changes) -> Archive:
    values = {
        "name": "train2017.zip",
        "urls": ("http://127.0.0.1/train2017.zip",),
        "bytes": None,
        "checksum": None,
        "unpacked_bytes": sum(map(len, TRAIN.values())),
        "folder": "train2017",
        "images": len(TRAIN),
        "members": (),
        "keep": False,
    }
    return Archive(**{**values, **changes})


def zip_of(members, compression=zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def unpacked(tmp_path, content: bytes, **changes) -> list[str]:
    """Unpack; returns what lies below the folder that holds zip and data set."""
    path = tmp_path / "downloads" / "train2017.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (tmp_path / "coco").mkdir()
    unpack(path, archive(**changes), tmp_path / "coco", lambda line: None)
    return sorted(p.name for p in (tmp_path / "coco").rglob("*") if p.is_file())


def refused(tmp_path, content: bytes, **changes) -> str:
    with pytest.raises(BrokenArchive) as caught:
        unpacked(tmp_path, content, **changes)
    there = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert there == [tmp_path / "downloads" / "train2017.zip"]
    assert not list((tmp_path / "coco").iterdir())
    return caught.value.problems[0]


def test_whole_folder(tmp_path):
    content = zip_of([*TRAIN.items(), ("__MACOSX/x", b"ignored"), ("train2017/", b"")])
    assert unpacked(tmp_path, content) == sorted(p.split("/")[1] for p in TRAIN)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "train2017/../../evil.jpg",
        "/tmp/evil.jpg",
        "C:/evil.jpg",
        "..\\evil.jpg",
        "train2017/a\\..\\..\\evil.jpg",
        "train2017/../train2017/x.jpg",
    ],
)
def test_name_that_leaves_the_folder(tmp_path, name):
    assert "leaves the folder" in refused(tmp_path, zip_of([*TRAIN.items(), (name, b"evil")]))


@given(st.text(alphabet="a./\\:\0", min_size=1, max_size=12))
def test_paths_called_inside_are_inside(name):
    if is_inside(name):
        depth = 0
        for part in name.split("/"):
            depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
            assert depth >= 0
        assert not name.startswith("/")


def test_symbolic_link(tmp_path):
    link = zipfile.ZipInfo("train2017/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "is a link" in refused(tmp_path, zip_of([*TRAIN.items(), (link, b"/etc/passwd")]))


def test_more_than_the_manifest_allows(tmp_path):
    members = [*list(TRAIN.items())[:-1], ("train2017/bomb.jpg", bytes(50_000_000))]
    content = zip_of(members, zipfile.ZIP_DEFLATED)
    assert len(content) < 1_000_000
    line = refused(tmp_path, content)
    assert "would unpack to 50.08 MB, the manifest allows 120.00 kB" in line


def test_bomb_that_lies_about_its_size(tmp_path):
    """The stated size is the most that is ever written."""
    bomb = bytes(5_000_000)
    content = bytearray(zip_of([("train2017/x.jpg", bomb)], zipfile.ZIP_DEFLATED))
    stated = struct.pack("<L", len(bomb))
    while (at := content.find(stated)) >= 0:
        content[at : at + 4] = struct.pack("<L", 1000)
    assert "not a whole zip file" in refused(tmp_path, bytes(content), images=1)


def test_same_name_twice(tmp_path):
    first = next(iter(TRAIN))
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zip_of([*TRAIN.items(), (first, b"other")])
    assert "twice" in refused(tmp_path, content)


def test_too_few_images(tmp_path):
    content = zip_of(list(TRAIN.items())[1:])
    assert "holds 2 files in train2017, the manifest says 3" in refused(tmp_path, content)


def test_member_that_is_missing(tmp_path):
    content = zip_of(TRAIN.items())
    line = refused(tmp_path, content, folder=None, images=None, members=("annotations/a.json",))
    assert line == "train2017.zip: does not hold annotations/a.json"


def test_encrypted_member(tmp_path):
    content = bytearray(zip_of(TRAIN.items()))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(signature) + offset] |= 1
    assert "encrypted" in refused(tmp_path, bytes(content))


@pytest.mark.parametrize("keep", [0, 10, 1000, -30])
def test_truncated_zip(tmp_path, keep):
    assert "not a whole zip file" in refused(tmp_path, zip_of(TRAIN.items())[:keep])


def test_flipped_byte_inside(tmp_path):
    content = bytearray(zip_of(TRAIN.items()))
    content[60_000] ^= 0xFF
    assert "Bad CRC-32" in refused(tmp_path, bytes(content))
