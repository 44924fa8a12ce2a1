"""Files that are not what the manifest says, and disks that do not hold them."""

import errno
import json
import os
import re
from pathlib import Path

import pytest
from data.download.download_case import refused, zipped
from data.download.fault_server import Fault

TRAIN = "/main/train2017.zip"


def test_corrupt_file_comes_from_the_mirror(case):
    case.add_mirror("train2017.zip")
    case.server.always[TRAIN] = Fault(flip_byte=5_000)
    case.download()
    assert case.is_complete()
    assert "/main/train2017.zip gives a corrupt file (its checksum is not sha256:" in case.said


def test_corrupt_file_everywhere_is_refused(case):
    case.server.always[TRAIN] = Fault(flip_byte=5_000)
    assert "gives a corrupt file" in refused(case)
    assert not (case.root / "train2017").exists()
    assert not list((case.root / "downloads").glob("train2017*"))


def test_corrupt_beginning_of_a_pieced_file_is_fetched_anew(case):
    case.server.faults[TRAIN] += [Fault(drop_after=30_000, flip_byte=5_000)]
    case.download()
    assert case.is_complete()
    assert "the pieces do not make the file" in case.said


def test_corrupt_whole_part_of_an_earlier_run_is_fetched_anew(case):
    part = case.root / "downloads" / "train2017.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(len(case.server.files[TRAIN])))
    case.download()
    assert case.is_complete()


def test_part_longer_than_the_file_is_discarded(case):
    part = case.root / "downloads" / "train2017.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(len(case.server.files[TRAIN]) + 1))
    case.download()
    assert case.is_complete()


@pytest.mark.parametrize("wrong", [1_000, 10_000_000])
def test_wrong_size_is_refused_before_it_is_fetched(case, wrong):
    case.server.always[TRAIN] = Fault(stated_length=wrong)
    right = case.manifest["train2017.zip"]["bytes"]
    assert f"offers {wrong:,} bytes, the manifest says {right:,}" in refused(case)
    assert not (case.root / "train2017").exists()


def test_checksum_first_seen_is_checked_from_then_on(case):
    case.manifest["train2017.zip"]["checksum"] = None
    source = case.download()
    seen = source["files"]["train2017.zip"]
    assert seen["checksum_from"] == "first seen"
    for path in (case.root / "train2017").iterdir():
        path.unlink()
    (case.root / "train2017").rmdir()
    content = {p: c for p, c in case.files.items() if p.startswith("train2017/")}
    case.server.files[TRAIN] = zipped(dict(reversed(content.items())))  # the same size
    line = refused(case)
    assert seen["checksum"] in line
    assert "remove its entry from" in line
    assert not (case.root / "train2017").exists()


def test_broken_zip_without_checksum_is_not_kept(case):
    case.manifest["train2017.zip"]["checksum"] = None
    case.server.faults[TRAIN] += [Fault(flip_byte=5_000)]
    assert "not a whole zip file" in refused(case)
    assert not (case.root / "train2017").exists()
    assert "train2017.zip" not in json.loads((case.root / "download.lock.json").read_text())
    case.download()
    assert case.is_complete()


def test_full_disk_is_noticed_before_anything_is_fetched(case):
    line = refused(case, free=lambda _: 100_000)
    assert re.search(r"\d+\.\d\d kB of free disk are needed to fetch and unpack .*train2017", line)
    assert "100.00 kB are free" in line
    assert not case.server.requests


def test_disk_that_holds_the_peak_is_enough(case):
    """Zips are removed one by one, so less than the sum of all zips and folders is needed."""
    total = sum(e["bytes"] + e["unpacked_bytes"] for e in case.manifest.values())
    case.download(free=lambda _: 0.85 * total)
    assert case.is_complete()


def test_disk_that_fills_up_meanwhile(case, monkeypatch):
    limit = 60_000
    real_open = Path.open

    def open_on_small_disk(path, mode="r", *rest, **options):
        file = real_open(path, mode, *rest, **options)
        if path.suffix == ".part" and mode == "ab":
            write = file.write

            class Limited:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def write(self, block):
                    if file.tell() + len(block) > limit:
                        write(block[: max(0, limit - file.tell())])
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    return write(block)

            return Limited()
        return file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_on_small_disk)
        assert "no space left on the disk" in refused(case)
    case.download()
    assert case.is_complete()
    assert any(request.range == "bytes=60000-" for request in case.server.requests)
