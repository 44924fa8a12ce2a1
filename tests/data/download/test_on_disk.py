"""What is on the disk already is used without copying, what lies in downloads/ if it is right."""

import shutil

import pytest
from data.download.download_case import SPLITS, TRAIN

from cornernet.config.schema import SplitFiles


@pytest.fixture
def on_disk(case):
    for path, content in case.files.items():
        case.put(path, content)
    return case


def test_complete_data_set_is_used_and_nothing_is_written(on_disk, tmp_path):
    (on_disk.root / "train2017").rename(tmp_path / "elsewhere")
    (on_disk.root / "train2017").symlink_to(tmp_path / "elsewhere")
    (on_disk.root / "val2017" / "1.jpg").unlink()  # a smaller COCO, as its annotations may say
    shutil.rmtree(on_disk.root / "test2017")  # of a split that the params do not name
    before = {path: path.stat().st_mtime_ns for path in on_disk.root.rglob("*")}
    on_disk.download(splits={name: SPLITS[name] for name in ("train", "val")})
    assert {path: path.stat().st_mtime_ns for path in on_disk.root.rglob("*")} == before
    assert not on_disk.server.requests


def test_only_what_is_absent_is_fetched(on_disk):
    shutil.rmtree(on_disk.root / "val2017")
    (on_disk.root / "val2017").mkdir()
    kept = (on_disk.root / SPLITS["train"].annotations).stat()
    (on_disk.root / SPLITS["val"].annotations).unlink()
    assert on_disk.completes()
    assert (on_disk.root / SPLITS["train"].annotations).stat().st_ino == kept.st_ino
    fetched = [path for path, _ in on_disk.server.requests]
    assert fetched == ["/main/annotations_trainval2017.zip", "/main/val2017.zip"]


def test_path_that_nobody_gives(on_disk):
    line = on_disk.refused({**SPLITS, "val": SplitFiles("images/val", SPLITS["val"].annotations)})
    assert line.startswith(f"{on_disk.root}/images/val: is not there, and no entry of data.files")


def test_folder_that_cannot_be_written(case):
    case.root.write_bytes(b"a file")
    assert "cannot be written (Not a directory); mend that" in case.refused()


@pytest.mark.parametrize(
    ("name", "content", "requests"),
    [
        ("train2017.zip.part", lambda case: bytes(case.train["bytes"]), 1),
        ("train2017.zip.unpacked/train2017/stale.jpg", lambda case: b"", 1),
        ("train2017.zip", lambda case: case.server.files[TRAIN], 0),
        ("train2017.zip", lambda case: case.server.files["/main/val2017.zip"], 1),
    ],
)
def test_what_lies_in_downloads_is_used_if_it_is_right(case, name, content, requests):
    case.put(f"downloads/{name}", content(case))
    assert case.completes()
    assert len(case.ranges_of(TRAIN)) == requests
