"""Files changed after `prepare` are noticed by digest, and hashed only where that may matter."""

import json
import os
import time
from pathlib import Path

import pytest
from data.coco.small_dataset import SPLITS

from cornernet.data.coco import annotations, file_digests, split_digests
from cornernet.data.coco.file_digests import CLOCK_TICK_NS, hash_file, read_record
from cornernet.data.coco.split import load_split
from cornernet.data.coco.split_digests import changed_inputs


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that were read in order to hash them, one after the other."""
    names = []

    def recording(path):
        names.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(split_digests, "hash_file", recording)
    return names


@pytest.fixture
def later(monkeypatch):
    """Moves the clock that tells how long ago a file changed beyond what a file system blurs."""
    now = time.time_ns
    monkeypatch.setattr(file_digests.time, "time_ns", lambda: now() + 2 * CLOCK_TICK_NS)


def digests(dataset, name="val"):
    return split_digests.split_digests(dataset.root, SPLITS[name], name, dataset.record_of(name))


def changes(dataset, found, names=tuple(SPLITS)):
    return changed_inputs(found, dataset.root, SPLITS, dataset.record_of, names)


def replace_image(dataset, name="val1.png", keep_times=False):
    """The image gets other bytes, as many as before, by another file of its name."""
    path = dataset.root / "val" / name
    status = path.stat()
    other = dataset.root / "other"
    other.write_bytes(path.read_bytes()[:-1] + b"x")
    if keep_times:
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def rewrite_annotations(dataset):
    tree = dataset.trees["val"]
    tree["categories"].append({"id": 3, "name": "bird"})
    (dataset.root / SPLITS["val"].annotations).write_text(json.dumps(tree))


def test_they_are_those_of_dataset_json_and_need_no_hashing_after_prepare(dataset, later, hashed):
    found = dataset.check()
    for name in SPLITS:
        now = digests(dataset, name)
        assert now.annotations == found.splits[name].annotations_sha256
        assert now.images == found.splits[name].images_sha256
    assert changes(dataset, found) == []
    assert hashed == []
    split = load_split(dataset.root, SPLITS["val"], "val")
    assert split.annotations_sha256 == found.splits["val"].annotations_sha256


def test_a_record_that_is_absent_or_damaged_is_made(dataset, later, hashed):
    found = dataset.check()
    record = dataset.record_of("val")
    whole = record.read_bytes()
    for damaged in (None, whole[:-90], b""):
        record.unlink() if damaged is None else record.write_bytes(damaged)
        hashed.clear()
        assert changes(dataset, found) == []
        assert sorted(hashed) == ["val0.png", "val1.png", "val2.png"]
        assert record.read_bytes() == whole


@pytest.mark.parametrize("keep_times", [False, True])
def test_a_replaced_image_is_named_however_often_one_asks(dataset, later, hashed, keep_times):
    found = dataset.check()
    (dataset.root / "val" / "val0.png").touch()  # hashed once, and the same
    replace_image(dataset, keep_times=keep_times)
    for _ in range(2):
        (line,) = changes(dataset, found)
        assert line.startswith("val: images changed (")
        assert "val: val1.png)" in line
        assert "`cornernet prepare`" in line
    assert sorted(hashed) == ["val0.png", "val1.png"]
    assert changes(dataset, found, ["train", "test_dev"]) == []
    (dataset.root / "val" / "val1.png").write_bytes(b"a third content")
    assert "val: val1.png)" in changes(dataset, found)[0]


def test_an_image_put_back_is_as_before_and_one_that_cannot_be_read_is_one_line(dataset, later):
    found = dataset.check()
    path = dataset.root / "val" / "val1.png"
    content = path.read_bytes()
    path.write_bytes(b"other")
    assert len(changes(dataset, found)) == 1
    path.write_bytes(content)
    assert changes(dataset, found) == []
    path.unlink()
    (line,) = changes(dataset, found)
    assert "no such image" in line
    assert "1 file (val1.png)" in line
    assert "`cornernet prepare`" in line
    path.mkdir()
    (line,) = changes(dataset, found)
    assert "val1.png: cannot be read" in line


def test_changed_annotations_are_told(dataset, later):
    found = dataset.check()
    rewrite_annotations(dataset)
    (line,) = changes(dataset, found)
    assert line.startswith("val: annotations changed (")
    assert "`cornernet prepare`" in line
    assert "images changed" not in line
    dataset.trees["val"]["images"].pop()
    rewrite_annotations(dataset)
    replace_image(dataset)
    (line,) = changes(dataset, found)
    assert "annotations changed (" in line
    assert "and images changed (" in line
    (dataset.root / SPLITS["val"].annotations).unlink()
    (line,) = changes(dataset, found)
    assert "no such annotation file" in line


def test_a_split_that_was_not_checked_is_told_and_no_annotations_parsed(
    dataset, later, monkeypatch
):
    found = dataset.check(splits={name: SPLITS[name] for name in ("train", "val")})
    monkeypatch.setattr(annotations.json, "loads", lambda _: pytest.fail("parsed"))
    (line,) = changes(dataset, found)
    assert line.startswith("test_dev: is not among the splits that were checked")


def test_a_file_hashed_at_once_after_its_change_is_hashed_again(dataset, hashed, monkeypatch):
    """Written twice within a tick of the clock, a file keeps its size and its times."""
    found = dataset.check()
    path = dataset.root / "val" / "val1.png"
    assert read_record(dataset.record_of("val"))["val/val1.png"].mtime_ns == file_digests.UNCERTAIN
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    stat = os.stat

    def same_tick(file, **more):
        return status if Path(file) == path else stat(file, **more)

    monkeypatch.setattr(split_digests.os, "stat", same_tick)
    (line,) = changes(dataset, found)
    assert "val1.png" in line
