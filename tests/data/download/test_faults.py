"""Servers and disks that misbehave: gone on with, mended or refused in one line, never half."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from data.download.download_case import TRAIN, Case, files_of, zipped
from data.download.fault_server import Fault

COCO_MINI = Path(__file__).parents[4] / "shared" / "data" / "coco_mini"
MIRROR = "/mirror/train2017.zip"
# Bytes of a stream that broke off are kept in whole blocks of 16,384.
FIRST_BLOCK, SECOND_BLOCK = "bytes=16384-", "bytes=32768-"


def test_whole_data_set_arrives_to_the_byte(case, capsys):
    source = case.download()
    assert case.is_complete()
    assert source["splits"]["val"] == {"named_images": 4, "files_in_folder": 4}
    entry = source["files"]["val2017.zip"]
    assert entry["checksum"] == case.manifest["val2017.zip"]["checksum"]
    assert (entry["checksum_from"], entry["url"]) == (
        "manifest",
        case.manifest["val2017.zip"]["url"],
    )
    assert "train2017.zip" in capsys.readouterr().err  # the progress
    requests = len(case.server.requests)
    assert case.download() == source
    assert len(case.server.requests) == requests


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason="needs ../shared/data/coco_mini")
def test_real_images_served_as_cocos_own_zips(tmp_path, server):
    case = Case(tmp_path / "coco", server, files=files_of(COCO_MINI))
    server.faults[TRAIN] += [Fault(reset_after=10_000_000)] * 2
    source = case.download()
    assert case.is_complete()
    counts = {name: split["named_images"] for name, split in source["splits"].items()}
    assert counts == {"train": 343, "val": 204, "test_dev": 60}


@pytest.mark.parametrize(
    ("faults", "ranges", "said"),
    [
        ([Fault(reset_after=30_000)], [None, FIRST_BLOCK], "Connection reset"),
        ([Fault(reset_after=30_000)] * 2, [None, FIRST_BLOCK, SECOND_BLOCK], "at 32,768 bytes"),
        ([Fault(stall_after=25_000)], [None, FIRST_BLOCK], "Read timed out"),
        ([Fault(end_after=30_000)], [None, FIRST_BLOCK], "IncompleteRead"),
        ([Fault(end_after=20_000, no_length=True)], [None, "bytes=20000-"], "ends before byte"),
        ([Fault(status=503)] * 2, [None] * 3, "503 Server Error"),
        ([Fault(status=429)], [None] * 2, "trying again in 0 s"),
        ([Fault(status=429)] * 2, [None] * 3, "trying again in 0.002 s"),
        ([Fault(reset_after=30_000), Fault(ignore_range=True)], [None, FIRST_BLOCK], "reset"),
        ([Fault(reset_after=30_000), Fault(wrong_range=True)], [None, FIRST_BLOCK, None], "reset"),
        ([Fault(flip_byte=5_000)], [None, None], "corrupt, its checksum is not sha256:"),
        ([Fault(reset_after=30_000, flip_byte=5_000)], [None, FIRST_BLOCK, None], "corrupt"),
        ([Fault(no_length=True)], [None], "unpacking"),
    ],
)  # fmt: skip
def test_passing_fault_is_mended(case, faults, ranges, said):
    case.server.faults[TRAIN] += faults
    case.download()
    assert case.is_complete()
    assert case.ranges_of(TRAIN) == ranges
    assert any(line.startswith("train2017.zip: ") and said in line for line in case.lines)


def test_new_bytes_restore_patience(case):
    """Three attempts in a row are made in these tests."""
    case.server.faults[TRAIN] += [Fault(status=503), Fault(reset_after=20_000)] * 4
    case.download()
    assert case.is_complete()


HOPELESS = [
    (Fault(status=404), "404 Client Error: Not Found", 1),
    (Fault(status=503), "503 Server Error", 3),
    (Fault(reset_after=0), "Connection reset", 3),
    (Fault(ignore_range=True, reset_after=30_000), "Connection reset", 3),
    (Fault(flip_byte=5_000), "corrupt, its checksum is not sha256:", 2),
    (Fault(stated_length=1_000), "offers 1,000 bytes, the manifest says 120,", 1),
    (Fault(stated_length=10_000_000), "offers 10,000,000 bytes, the manifest says 120,", 1),
    (Fault(no_length=True, surplus=50_000), "gives more than 120,", 1),
    (Fault(location="file:///etc/passwd"), "No connection adapters were found", 1),
]


@pytest.mark.parametrize(("fault", "reason", "requests"), HOPELESS)
def test_hopeless_address_is_refused_in_one_line_or_replaced_by_a_mirror(
    case, fault, reason, requests
):
    case.server.always[TRAIN] = fault
    (line,) = case.refused()
    assert line.startswith(f"train2017.zip: no address gives it: {case.server.url(TRAIN)}: ")
    assert reason in line
    assert f"put the file at {case.root / 'downloads' / 'train2017.zip'} by hand" in line
    assert len(case.ranges_of(TRAIN)) == requests
    assert not (case.root / "train2017").exists()
    case.server.files[MIRROR] = case.server.files[TRAIN]
    case.manifest["train2017.zip"]["mirrors"] = [case.server.url(MIRROR)]
    source = case.download()
    assert case.is_complete()
    assert source["files"]["train2017.zip"]["url"] == case.server.url(MIRROR)


def test_all_addresses_fail_in_one_line(case):
    case.manifest["train2017.zip"]["url"] = "http://127.0.0.1:9/train2017.zip"
    case.manifest["train2017.zip"]["mirrors"] = [case.server.url("/gone.zip")]
    (line,) = case.refused()
    assert "Connection refused" in line
    assert "/gone.zip: 404 Client Error" in line


def test_failed_address_keeps_what_was_fetched_and_the_mirror_goes_on_with_it(case):
    case.server.faults[TRAIN] += [Fault(reset_after=30_000), Fault(status=404)]
    case.refused()
    case.server.files[MIRROR] = case.server.files.pop(TRAIN)
    case.manifest["train2017.zip"]["url"] = case.server.url(MIRROR)
    case.download()
    assert case.is_complete()
    assert case.ranges_of(MIRROR) == [FIRST_BLOCK]


def test_redirect_is_followed(case):
    case.server.files["/elsewhere.zip"] = case.server.files[TRAIN]
    case.server.faults[TRAIN] += [Fault(location=case.server.url("/elsewhere.zip"))]
    case.download()
    assert case.is_complete()


@pytest.mark.parametrize("known", ["checksum", "bytes", None])
def test_file_that_changed_meanwhile_is_never_mixed(case, known):
    """With a checksum the pieces turn out wrong; without one nothing is pieced together."""
    entry = case.manifest["train2017.zip"]
    entry.update({key: None for key in ("checksum", "bytes") if key != known})
    old = case.server.files[TRAIN]
    case.server.faults[TRAIN] += [Fault(reset_after=30_000), Fault(status=404)]
    case.refused()
    case.server.files[TRAIN] = zipped(dict(reversed(case.files_in("train2017").items())))
    assert len(case.server.files[TRAIN]) == len(old)
    if known == "checksum":
        assert "corrupt" in case.refused()[0]
        case.server.files[TRAIN] = old
    case.download()
    assert case.is_complete()


@pytest.mark.parametrize("surplus", [0, 1])
def test_part_of_other_bytes_or_too_long_is_fetched_anew(case, surplus):
    part = case.root / "downloads" / "train2017.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(len(case.server.files[TRAIN]) + surplus))
    case.download()
    assert case.is_complete()


def test_checksum_first_seen_is_checked_from_then_on(case):
    case.manifest["train2017.zip"]["checksum"] = None
    entry = case.download()["files"]["train2017.zip"]
    assert entry["checksum_from"] == "first seen"
    shutil.rmtree(case.root / "train2017")
    case.server.files[TRAIN] = zipped(dict(reversed(case.files_in("train2017").items())))
    (line,) = case.refused()
    assert f"its checksum is not {entry['checksum']}" in line
    assert "remove its entry from download.lock.json" in line
    (case.root / "download.lock.json").write_text("{")
    assert "download.lock.json: not readable" in case.refused()[0]
    (case.root / "download.lock.json").unlink()
    case.download()
    assert case.is_complete()


def test_broken_zip_without_checksum_is_not_kept(case):
    case.manifest["train2017.zip"]["checksum"] = None
    case.server.faults[TRAIN] += [Fault(flip_byte=5_000)]
    assert "not a whole zip file" in case.refused()[0]
    assert not (case.root / "train2017").exists()
    assert "train2017.zip" not in json.loads((case.root / "download.lock.json").read_text())
    case.download()
    assert case.is_complete()


def test_small_disk_is_noticed_before_anything_is_fetched(case, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    (line,) = case.refused()
    assert "k bytes of free disk are needed to fetch and unpack" in line
    assert "train2017.zip, 100k are free" in line
    assert not case.server.requests


def test_disk_that_holds_the_peak_is_enough(case, monkeypatch):
    """Zips are removed one by one, so less than the sum of all zips and folders is needed."""
    total = sum(e["bytes"] + e["unpacked_bytes"] for e in case.manifest.values())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0.85 * total))
    case.download()
    assert case.is_complete()


def test_disk_that_fills_up_meanwhile(case):
    part = case.root / "downloads" / "train2017.zip.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    (line,) = case.refused()
    assert line.startswith(f"{case.root}: cannot be written (No space left on device)")
    part.unlink()
    case.download()
    assert case.is_complete()


def test_folder_that_cannot_be_written(case):
    case.root.write_text("a file")
    assert "cannot be written (Not a directory); mend that" in case.refused()[0]
