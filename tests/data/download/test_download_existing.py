"""A data set that is on the disk already: used without copying, or refused with what it lacks."""

import shutil
from pathlib import Path

import pytest
from data.download.download_case import SPLITS, Case, made_files
from data.download.fault_server import FaultServer

from cornernet.config.schema import SplitFiles
from cornernet.data.download.download import download_files
from cornernet.errors import BadInput

COCO_MINI = Path(__file__).parents[4] / "shared" / "data" / "coco_mini"


@pytest.fixture
def case(tmp_path):
    with FaultServer() as server:
        case = Case(tmp_path / "coco", server)
        for path, content in made_files().items():
            (case.root / path).parent.mkdir(parents=True, exist_ok=True)
            (case.root / path).write_bytes(content)
        yield case


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(root)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in root.rglob("*")
    }


def test_complete_data_set_is_used_and_nothing_is_written(case):
    before = snapshot(case.root)
    source = case.download()
    assert snapshot(case.root) == before
    assert not case.server.requests
    assert source["files"]["train2017.zip"] == {"found_on_disk": True}
    assert source["splits"]["train"]["files_in_folder"] == 3


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason="needs ../shared/data/coco_mini")
def test_smaller_coco_is_used_and_said_to_be_smaller(case):
    lines = []
    source = download_files(COCO_MINI, case.manifest, SPLITS, lines.append)
    assert source["splits"]["train"]["named_images"] == 343
    assert any("holds 343 images where the manifest says 3" in line for line in lines)


def test_symbolic_links_to_folders_are_used(case, tmp_path):
    (case.root / "train2017").rename(tmp_path / "elsewhere")
    (case.root / "train2017").symlink_to(tmp_path / "elsewhere")
    case.download()
    assert not case.server.requests


def test_only_what_is_absent_is_fetched(case):
    shutil.rmtree(case.root / "val2017")
    (case.root / "val2017").mkdir()
    case.download()
    assert case.is_complete()
    assert [request.path for request in case.server.requests] == ["/main/val2017.zip"]


def test_annotation_files_that_are_there_are_left_alone(case):
    kept = case.root / SPLITS["train"].annotations
    before = kept.stat().st_ino
    (case.root / SPLITS["val"].annotations).unlink()
    case.download()
    assert kept.stat().st_ino == before
    assert case.is_complete()


def test_splits_that_params_do_not_name_are_not_fetched(case):
    shutil.rmtree(case.root / "test2017")
    splits = {name: files for name, files in SPLITS.items() if name != "test_dev"}
    source = download_files(case.root, case.manifest, splits, case.lines.append)
    assert not case.server.requests
    assert set(source["splits"]) == {"train", "val"}


def problems(case, splits=SPLITS):
    with pytest.raises(BadInput) as caught:
        download_files(case.root, case.manifest, splits, case.lines.append)
    assert not case.server.requests
    return caught.value.problems


def test_folders_that_lack_images_are_named_together(case):
    (case.root / "train2017" / "000001.jpg").unlink()
    (case.root / "val2017" / "100002.jpg").write_bytes(b"")  # as a copy on a full disk leaves it
    first, second = problems(case)
    assert "train2017: lacks 1 of the 3 images" in first
    assert "(000001.jpg)" in first
    assert "val2017: lacks 1 of the 4 images" in second


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"images": [', "not readable as JSON"), (b"[]", "not COCO's format"), (b"\xff", "JSON")],
)
def test_annotations_that_are_not_coco(case, content, reason):
    (case.root / SPLITS["val"].annotations).write_bytes(content)
    (line,) = problems(case)
    assert reason in line
    assert "\n" not in line


def test_path_that_nobody_gives(case):
    splits = {**SPLITS, "val": SplitFiles("images/val", SPLITS["val"].annotations)}
    (line,) = problems(case, splits)
    assert line.startswith(f"{case.root}/images/val: is not there")
    assert "data.root" in line


def test_archive_with_fewer_images_than_the_annotations_name(case):
    shutil.rmtree(case.root / "train2017")
    content = {p: c for p, c in case.files.items() if p.startswith("train2017/")}
    content.pop("train2017/000001.jpg")
    case.serve("train2017.zip", content, {"folder": "train2017", "images": 2})
    with pytest.raises(BadInput, match="lacks 1 of the 3 images"):
        case.download()
