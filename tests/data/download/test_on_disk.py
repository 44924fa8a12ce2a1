"""A data set that is on the disk already: used without copying, or refused with what it lacks."""

import shutil
from pathlib import Path

import pytest
from data.download.download_case import SPLITS

from cornernet.config.schema import SplitFiles
from cornernet.data.download.fetch import download_files

COCO_MINI = Path(__file__).parents[4] / "shared" / "data" / "coco_mini"


@pytest.fixture
def on_disk(case):
    for path, content in case.files.items():
        (case.root / path).parent.mkdir(parents=True, exist_ok=True)
        (case.root / path).write_bytes(content)
    return case


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(root)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in root.rglob("*")
    }


def test_complete_data_set_is_used_and_nothing_is_written(on_disk, tmp_path):
    (on_disk.root / "train2017").rename(tmp_path / "elsewhere")
    (on_disk.root / "train2017").symlink_to(tmp_path / "elsewhere")
    before = snapshot(on_disk.root)
    source = on_disk.download()
    assert snapshot(on_disk.root) == before
    assert not on_disk.server.requests
    assert source["files"]["train2017.zip"] == {"found_on_disk": True}
    assert source["splits"]["train"]["files_in_folder"] == 3


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason="needs ../shared/data/coco_mini")
def test_smaller_coco_than_the_manifests_is_used(case):
    source = download_files(COCO_MINI, case.manifest, SPLITS)
    assert source["splits"]["train"] == {"named_images": 343, "files_in_folder": 343}


def test_only_what_is_absent_is_fetched(on_disk):
    shutil.rmtree(on_disk.root / "val2017")
    (on_disk.root / "val2017").mkdir()
    kept = on_disk.root / SPLITS["train"].annotations
    before = kept.stat().st_ino
    (on_disk.root / SPLITS["val"].annotations).unlink()
    on_disk.download()
    assert on_disk.is_complete()
    assert kept.stat().st_ino == before
    fetched = [path for path, _ in on_disk.server.requests]
    assert fetched == ["/main/annotations_trainval2017.zip", "/main/val2017.zip"]


def test_splits_that_params_do_not_name_are_not_fetched(on_disk):
    shutil.rmtree(on_disk.root / "test2017")
    splits = {name: files for name, files in SPLITS.items() if name != "test_dev"}
    assert set(on_disk.download(splits=splits)["splits"]) == {"train", "val"}
    assert not on_disk.server.requests


def test_folders_that_lack_images_are_named_together(on_disk):
    (on_disk.root / "train2017" / "000001.jpg").unlink()
    empty = on_disk.root / "val2017" / "100002.jpg"  # as a copy on a full disk leaves it
    empty.write_bytes(b"")
    first, second = on_disk.refused()
    assert "train2017: lacks 1 of the 3 images" in first
    assert "(000001.jpg)" in first
    assert "val2017: lacks 1 of the 4 images" in second
    assert not on_disk.server.requests


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"images": [', "not JSON"), (b"[]", "not in COCO's format"), (b"\xff", "not JSON")],
)
def test_annotations_that_are_not_coco(on_disk, content, reason):
    (on_disk.root / SPLITS["val"].annotations).write_bytes(content)
    (line,) = on_disk.refused()
    assert reason in line


def test_path_that_nobody_gives(on_disk):
    splits = {**SPLITS, "val": SplitFiles("images/val", SPLITS["val"].annotations)}
    (line,) = on_disk.refused(splits)
    assert line.startswith(f"{on_disk.root}/images/val: is not there")
    assert "data.root" in line


def test_archive_with_fewer_images_than_the_annotations_name(case):
    content = case.files_in("train2017")
    content.pop("train2017/000001.jpg")
    case.serve("train2017.zip", content, folder="train2017", images=2)
    assert "lacks 1 of the 3 images" in case.refused()[0]
