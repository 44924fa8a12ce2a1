"""Servers and disks that misbehave, processes that die: gone on with, mended or refused, never half."""

import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from data.download.download_case import SPLITS, TRAIN, Fault, zipped

from cornernet import progress

MIRROR = "/mirror/train2017.zip"
# Bytes of a stream that broke off are kept in whole blocks of 16,384.
FIRST_BLOCK, SECOND_BLOCK = "bytes=16384-", "bytes=32768-"
BREAK = Fault(reset_after=30_000)
NO_LENGTH = {"Content-Length": None}
BY_SIZE = (
    *("annotations_trainval2017.zip", "image_info_test2017.zip"),
    *("train2017.zip", "test2017.zip", "val2017.zip"),
)
OTHER_RANGE = {"Content-Range": "bytes 16385-99999/100000"}


def test_whole_data_set_arrives_to_the_byte(case, capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    source = case.download()
    assert "train2017.zip: 0.00/120k bytes" in capsys.readouterr().err
    assert source == {"root": str(case.root), "archives": [*BY_SIZE]}
    case.server.files.clear()  # nothing is fetched again
    assert case.completes()
    assert case.download() == source


@pytest.mark.parametrize(
    ("faults", "ranges", "said"),
    [
        ([BREAK], [None, FIRST_BLOCK], "Connection reset"),
        ([BREAK] * 2, [None, FIRST_BLOCK, SECOND_BLOCK], "at 32,768 bytes"),
        ([Fault(stall_after=25_000)], [None, FIRST_BLOCK], "Read timed out"),
        ([Fault(end_after=30_000)], [None, FIRST_BLOCK], "IncompleteRead"),
        ([Fault(end_after=20_000, headers=NO_LENGTH)], [None, "bytes=20000-"], "ends before byte"),
        ([Fault(503)] * 2, [None] * 3, "503 Server Error"),
        ([Fault(429)], [None] * 2, "trying again in 0 s"),
        ([Fault(429)] * 2, [None] * 3, "trying again in 0.002 s"),
        ([BREAK, Fault(ignore_range=True)], [None, FIRST_BLOCK], "trying again"),
        ([BREAK, Fault(headers=OTHER_RANGE)], [None, FIRST_BLOCK, None], "trying again"),
        ([Fault(flip_byte=5_000)], [None, None], "corrupt, removed"),
        ([Fault(reset_after=30_000, flip_byte=5_000)], [None, FIRST_BLOCK, None], "corrupt"),
        ([Fault(headers=NO_LENGTH)], [None], "unpacking"),
        ([Fault(302, {"Location": TRAIN})], [None, None], "unpacking"),
        # New bytes restore the three attempts in a row.
        ([Fault(429), BREAK] * 2, [None] * 2 + [FIRST_BLOCK] * 2 + [SECOND_BLOCK], "at 32,768"),
    ],
)
def test_passing_fault_is_mended(case, faults, ranges, said):
    case.server.faults[TRAIN] += faults
    assert case.completes()
    assert case.ranges_of(TRAIN) == ranges
    assert any(line.startswith("train2017.zip: ") and said in line for line in case.lines)


@pytest.mark.parametrize(
    ("fault", "reason", "requests"),
    [
        (Fault(404), "404 Client Error: Not Found", 1),
        (Fault(503), "503 Server Error", 3),
        (Fault(reset_after=0), "Connection reset", 3),
        (Fault(reset_after=30_000, ignore_range=True), "Connection reset", 3),
        (Fault(flip_byte=5_000), "corrupt, its checksum is not sha256:", 2),
        (Fault(headers={"Content-Length": "1000"}), "offers 1,000 bytes, not 120,", 1),
        (Fault(headers={"Content-Length": "10000000"}), "offers 10,000,000 bytes, not 120,", 1),
        (Fault(headers=NO_LENGTH, surplus=50_000), "gives more than 120,", 1),
        (Fault(302, {"Location": "file:///etc/passwd"}), "No connection adapters were found", 1),
    ],
)
def test_hopeless_address_is_refused_or_replaced_by_a_mirror(case, fault, reason, requests):
    case.server.always[TRAIN] = fault
    case.train["mirrors"] = ["http://127.0.0.1:9/nobody.zip"]
    line = case.refused()
    assert line.startswith(f"train2017.zip: no address gives it: {case.server.url(TRAIN)}: ")
    assert reason in line
    assert "Connection refused" in line
    assert f"put the file at {case.root / 'downloads' / 'train2017.zip'} by hand" in line
    assert len(case.ranges_of(TRAIN)) == requests
    assert not (case.root / "train2017").exists()
    case.server.files[MIRROR] = case.server.files[TRAIN]
    case.train["mirrors"] = [case.server.url(MIRROR)]
    assert case.completes()


def test_mirror_goes_on_with_what_the_first_address_gave_and_never_mixes_files(case):
    case.server.faults[TRAIN] += [BREAK, Fault(404)]
    case.refused()
    whole = case.server.files.pop(TRAIN)
    case.server.files[MIRROR] = zipped(dict(reversed(case.files_in("train2017").items())))
    case.train["url"] = case.server.url(MIRROR)
    assert "corrupt" in case.refused()
    assert case.ranges_of(MIRROR) == [FIRST_BLOCK, None]
    case.server.files[MIRROR] = whole
    assert case.completes()


def test_disk_that_does_not_hold_the_peak_is_noticed_first(case, monkeypatch):
    """Zips are removed one by one, so less than the sum of all zips and folders is needed."""
    total = sum(entry["bytes"] + entry["unpacked_bytes"] for entry in case.manifest.values())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    line = case.refused()
    assert line.startswith(f"{case.root}: 480k bytes of free disk are needed to fetch and unpack")
    assert "train2017.zip, test2017.zip, val2017.zip, 100k are free" in line
    assert not case.server.requests
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0.85 * total))
    assert case.completes()


def test_disk_that_fills_up_meanwhile(case):
    part = case.root / "downloads" / "train2017.zip.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    line = case.refused()
    assert line.startswith(f"{case.root}: cannot be written (No space left on device); mend that")
    part.unlink()
    assert case.completes()


# A child is killed as the download calls a C function for the n-th time: between any two blocks,
# writes, renames. After each death: what lies on the disk.
KILLED_OFTEN = """
import json, os, signal, sys
from pathlib import Path
root, manifest, tests = json.loads(sys.argv[1])
sys.path.insert(0, tests)
from data.download.download_case import SPLITS
from cornernet.data.download.fetch import download_files

def count(frame, event, argument):
    global left
    left -= event == "c_call" and "/data/download/" in frame.f_code.co_filename
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

for left in range(5, 2000, 5):
    if not os.fork():
        sys.setprofile(count)
        download_files(Path(root), manifest, SPLITS, lambda line: None)
        os._exit(0)
    if os.wait()[1] == 0:
        break
    print(json.dumps([str(path.relative_to(root)) for path in Path(root).glob("*2017/*")]))
"""


def test_killed_process_leaves_no_half_folder(case):
    arguments = json.dumps([str(case.root), case.manifest, str(Path(__file__).parents[2])])
    command = [sys.executable, "-c", KILLED_OFTEN, arguments]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    deaths = [set(json.loads(line)) for line in output.splitlines()]
    assert len(deaths) >= 10
    for there in deaths:
        for split in SPLITS.values():
            whole = set(case.files_in(split.images))
            assert there & whole in (set(), whole)
    assert case.completes()
    assert any(case.ranges_of(TRAIN))  # gone on with
    case.put("downloads/train2017.zip", b"killed between unpacking and removing it")
    assert case.completes()


def test_second_process_waits_for_the_first(case):
    case.server.faults[TRAIN] += [Fault(stall_after=1_000)]
    other = replace(case, lines=[])
    thread = threading.Thread(target=case.download)
    thread.start()
    while not case.ranges_of(TRAIN):
        time.sleep(0.01)
    assert other.completes()
    thread.join()
    assert "another download" in other.lines[0]
    assert len(case.ranges_of("/main/val2017.zip")) == 1
