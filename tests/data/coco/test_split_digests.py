"""Files changed after `prepare` are noticed by digest, and hashed only where that may matter."""

import json
import os
import time
from pathlib import Path

import pytest
from data.coco.small_dataset import SPLITS

from cornernet import files
from cornernet.data.coco import annotations, split_digests
from cornernet.data.coco.split import load_split
from cornernet.data.coco.split_digests import changed_inputs, read_record
from cornernet.files import CLOCK_TICK_NS, hash_file


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
    monkeypatch.setattr(files.time, "time_ns", lambda: now() + 2 * CLOCK_TICK_NS)


def changes(dataset, found, names=tuple(SPLITS)):
    splits = {name: SPLITS[name] for name in names}
    return changed_inputs(found, dataset.root, splits, dataset.record_of)


def replace_image(dataset, keep_times=False):
    """The image gets other bytes, as many as before, by another file of its name."""
    path = dataset.root / "val" / "val1.png"
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


def test_after_prepare_nothing_is_hashed_and_without_its_record_everything(dataset, later, hashed):
    found = dataset.check()
    assert changes(dataset, found) == []
    assert hashed == []
    split = load_split(dataset.root, SPLITS["val"], "val")
    assert split.annotations_sha256 == found.splits["val"].annotations_sha256
    record = dataset.record_of("val")
    whole = record.read_bytes()
    for damaged in (b"", whole[:-90]):
        record.write_bytes(damaged)
        hashed.clear()
        assert changes(dataset, found) == []
        assert sorted(hashed) == ["val.json", "val0.png", "val1.png", "val2.png"]
        assert sorted(record.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.parametrize("keep_times", [False, True])
def test_a_replaced_image_is_named_until_it_is_put_back(dataset, later, hashed, keep_times):
    found = dataset.check()
    path = dataset.root / "val" / "val1.png"
    content = path.read_bytes()
    (dataset.root / "val" / "val0.png").touch()
    replace_image(dataset, keep_times=keep_times)
    for _ in range(2):
        (line,) = changes(dataset, found)
        assert line.startswith(f"val: images changed ({dataset.root}: val/val1.png) since `cornern")
    assert {*hashed} == {"val0.png", "val1.png"}
    assert changes(dataset, found, ["train", "test_dev"]) == []
    path.write_bytes(content)
    assert changes(dataset, found) == []
    hashed.clear()
    assert changes(dataset, found) == []
    assert hashed == []  # the times of today are kept


def test_changed_annotations_are_told_and_what_cannot_be_read(dataset, later):
    found = dataset.check()
    rewrite_annotations(dataset)
    (line,) = changes(dataset, found)
    assert line.startswith(
        f"val: annotations changed ({dataset.root}: val.json) since `cornernet p"
    )
    dataset.trees["val"]["images"].pop()
    rewrite_annotations(dataset)
    replace_image(dataset)
    (line,) = changes(dataset, found)
    assert line.startswith("val: annotations and images changed (")
    assert "val.json, val/val1.png" in line
    path = dataset.root / "val" / "val1.png"
    path.unlink()
    assert "val1.png: cannot be read (No such file" in changes(dataset, found)[0]
    path.mkdir()
    (line,) = changes(dataset, found)
    assert (
        "val1.png: cannot be read (not a regular file); put back what was checked, or run" in line
    )


def test_a_split_that_was_not_checked_is_told_and_no_annotations_parsed(
    dataset, later, monkeypatch
):
    found = dataset.check(splits={name: SPLITS[name] for name in ("train", "val")})
    monkeypatch.setattr(annotations.json, "loads", lambda _: pytest.fail("parsed"))
    (line,) = changes(dataset, found)
    assert line.startswith("test_dev: is not among the splits that were checked")


def test_a_file_hashed_at_once_after_its_change_is_hashed_again(dataset, hashed, monkeypatch):
    """Written twice within a tick of the clock, a file keeps its size and its times."""
    monkeypatch.setattr(files.time, "time_ns", lambda: 0)
    found = dataset.check()
    path = dataset.root / "val" / "val1.png"
    assert read_record(dataset.record_of("val"))["val/val1.png"].mtime_ns == files.UNCERTAIN
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    stat = os.stat

    def same_tick(file, **more):
        return status if Path(file) == path else stat(file, **more)

    monkeypatch.setattr(split_digests.os, "stat", same_tick)
    (line,) = changes(dataset, found)
    assert "val1.png" in line
