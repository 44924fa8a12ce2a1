"""The download against a server that misbehaves: resumed, mended or refused, never half."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from data.download_case import SPLITS, Case, files_of, zipped
from data.fault_server import Fault, FaultServer

from cornernet.data.download import download_files
from cornernet.data.transfer import Patience
from cornernet.errors import BadInput

COCO_MINI = Path(__file__).parents[2].parent / "shared" / "data" / "coco_mini"
TRAIN = "/main/train2017.zip"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def case(tmp_path, server):
    return Case(tmp_path / "coco", server)


def refused(case: Case, **options) -> str:
    """The one line of BadInput; nothing of the archive at fault may lie in its place."""
    with pytest.raises(BadInput) as caught:
        case.download(**options)
    assert len(caught.value.problems) == 1
    assert "\n" not in caught.value.problems[0]
    return caught.value.problems[0]


def test_whole_data_set_arrives_to_the_byte(case):
    source = case.download()
    assert case.is_complete()
    assert source["splits"]["val"]["named_images"] == 4
    assert source["files"]["val2017.zip"]["checksum"] == case.manifest["val2017.zip"]["checksum"]
    assert source["files"]["val2017.zip"]["checksum_from"] == "manifest"
    assert re.search(r"train2017.zip: \d+\.\d\d kB of \d+\.\d\d kB \(100 %\), .*/s", case.said)


def test_second_call_fetches_nothing_and_returns_the_same(case):
    first = case.download()
    requests = len(case.server.requests)
    assert case.download() == first
    assert len(case.server.requests) == requests


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason="needs ../shared/data/coco_mini")
def test_real_images_served_as_cocos_own_zips(tmp_path, server):
    case = Case(tmp_path / "coco", server, files=files_of(COCO_MINI))
    server.faults["/main/train2017.zip"] += [Fault(drop_after=10_000_000)] * 2
    source = case.download()
    assert case.is_complete()
    counts = {name: split["named_images"] for name, split in source["splits"].items()}
    assert counts == {"train": 343, "val": 204, "test_dev": 60}


def test_dropped_connection_is_resumed_where_it_broke(case):
    case.server.faults[TRAIN] += [Fault(drop_after=30_000), Fault(drop_after=20_000)]
    case.download()
    assert case.is_complete()
    ranges = [request.range for request in case.requests_of(TRAIN)]
    assert ranges == [None, "bytes=30000-", "bytes=50000-"]
    etag = case.requests_of(TRAIN)[1].if_range
    assert etag is not None
    assert etag == case.requests_of(TRAIN)[2].if_range


def test_progress_restores_patience_and_vain_attempts_pause_longer(case):
    case.server.faults[TRAIN] += [Fault(status=503)] * 2 + [Fault(drop_after=9_000)] * 5
    case.server.faults[TRAIN] += [Fault(status=429)] * 2
    case.download()
    assert case.is_complete()
    assert case.pauses == [1, 2, 1, 1, 1, 1, 1, 1, 2]
    assert "answers 503 Service Unavailable; trying again in 2 s" in case.said


def test_stalled_stream_times_out_and_is_resumed(case):
    case.server.faults[TRAIN] += [Fault(stall_after=25_000)]
    case.download()
    assert case.is_complete()
    assert "the stream stalled at 25,000 bytes; trying again" in case.said
    assert case.requests_of(TRAIN)[1].range == "bytes=25000-"


def test_server_that_ignores_range_sends_from_the_start(case):
    case.server.faults[TRAIN] += [Fault(drop_after=30_000), Fault(ignore_range=True)]
    case.download()
    assert case.is_complete()
    assert len(case.requests_of(TRAIN)) == 2


def test_server_that_answers_with_another_range_is_not_trusted(case):
    case.server.faults[TRAIN] += [Fault(drop_after=30_000), Fault(wrong_range=True)]
    case.download()
    assert case.is_complete()
    assert case.requests_of(TRAIN)[2].range is None


def test_file_that_changed_meanwhile_is_fetched_from_its_start(case):
    """If-Range: no chimera of two versions, although nothing tells their checksum."""
    case.manifest["train2017.zip"].update(bytes=None, checksum=None)
    case.server.faults[TRAIN] += [Fault(drop_after=30_000)] * 3
    with pytest.raises(KeyboardInterrupt):
        interrupted(case, "trying again")
    content = {p: c for p, c in case.files.items() if p.startswith("train2017/")}
    case.server.files[TRAIN] = zipped(dict(reversed(content.items())))
    case.server.faults[TRAIN].clear()
    case.download()
    assert case.is_complete()
    assert case.requests_of(TRAIN)[-1].range == "bytes=30000-"


def interrupted(case: Case, moment: str) -> None:
    """Download until a line of the report contains `moment`, then as if Ctrl-C were pressed."""

    def report(line: str) -> None:
        if moment in line and "train2017" in line:
            raise KeyboardInterrupt

    patience = Patience(report_every=0.0, sleep=case.pauses.append)
    download_files(case.root, case.manifest, SPLITS, report, patience)


def test_without_etag_and_checksum_nothing_is_resumed(case):
    case.manifest["train2017.zip"].update(checksum=None)
    case.server.etags[TRAIN] = None
    case.server.faults[TRAIN] += [Fault(drop_after=30_000)]
    case.download()
    assert case.is_complete()
    assert [request.range for request in case.requests_of(TRAIN)] == [None, None]


def test_weak_etag_is_not_used_to_resume(case):
    case.server.etags[TRAIN] = 'W/"alike"'
    case.server.faults[TRAIN] += [Fault(drop_after=30_000)]
    case.download()
    assert case.is_complete()
    assert case.requests_of(TRAIN)[1].if_range is None


def test_length_unknown_until_the_end(case):
    case.manifest["train2017.zip"].update(bytes=None)
    case.server.always[TRAIN] = Fault(no_length=True)
    case.download()
    assert case.is_complete()


def test_redirect_is_followed(case):
    case.server.files["/elsewhere.zip"] = case.server.files[TRAIN]
    case.server.faults[TRAIN] += [Fault(location=case.server.url("/elsewhere.zip"))]
    case.download()
    assert case.is_complete()


def test_redirect_to_a_local_file_is_refused(case, tmp_path):
    (tmp_path / "secret").write_bytes(case.server.files[TRAIN])
    case.server.always[TRAIN] = Fault(location=(tmp_path / "secret").as_uri())
    assert "not allowed" in refused(case)
    assert not (case.root / "train2017").exists()


def test_missing_file_comes_from_the_mirror(case):
    case.add_mirror("train2017.zip")
    case.server.always[TRAIN] = Fault(status=404)
    source = case.download()
    assert case.is_complete()
    assert len(case.requests_of(TRAIN)) == 1  # a 404 is not tried again
    assert source["files"]["train2017.zip"]["url"].endswith("/mirror/train2017.zip")
    assert "/main/train2017.zip answers 404 Not Found" in case.said


def test_mirror_goes_on_with_what_the_first_address_gave(case):
    case.add_mirror("train2017.zip")
    case.server.faults[TRAIN] += [Fault(drop_after=30_000)] + [Fault(status=500)] * 3
    case.download()
    assert case.is_complete()
    assert case.requests_of("/mirror/train2017.zip")[0].range == "bytes=30000-"


def test_all_addresses_fail_in_one_line(case):
    case.add_mirror("train2017.zip")
    case.server.always[TRAIN] = Fault(status=404)
    case.server.always["/mirror/train2017.zip"] = Fault(status=503)
    line = refused(case)
    assert line.startswith("train2017.zip: no address gives it: http://127.0.0.1")
    assert "/main/train2017.zip answers 404 Not Found" in line
    assert "/mirror/train2017.zip fails 3 times in a row: answers 503" in line
    assert f"put the file at {case.root / 'downloads' / 'train2017.zip'} by hand" in line
    assert not (case.root / "train2017").exists()


def test_no_server_at_all(case):
    case.manifest["train2017.zip"]["url"] = "http://127.0.0.1:9/train2017.zip"
    assert "no connection" in refused(case)


def test_failed_address_keeps_what_was_fetched(case):
    case.server.faults[TRAIN] += [Fault(drop_after=30_000), Fault(status=404)]
    refused(case)
    case.download()
    assert case.is_complete()
    assert case.requests_of(TRAIN)[-1].range == "bytes=30000-"


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


@pytest.mark.parametrize(
    "moment", ["of", "checking", "trying again", "unpacking", "unpacking train2017.zip: 40"]
)
def test_interrupted_at_any_point_it_goes_on(case, moment):
    case.server.faults[TRAIN] += [Fault(drop_after=30_000)]
    with pytest.raises(KeyboardInterrupt):
        interrupted(case, moment)
    assert not (case.root / "train2017").exists()
    case.download()
    assert case.is_complete()


def test_killed_process_leaves_no_half_folder(case):
    """kill -9 at many moments; each start goes on, the last one finishes."""
    script = textwrap.dedent(
        f"""
        import sys, time
        sys.path[:0] = {[str(Path(__file__).parents[2] / "src"), str(Path(__file__).parents[1])]!r}
        from pathlib import Path
        from data.download_case import SPLITS
        from cornernet.data.download import download_files
from cornernet.data.transfer import Patience
        from cornernet.data.transfer import Patience
        def report(line):
            print(line, flush=True)
            time.sleep(0.02)
        manifest = {case.manifest!r}
        download_files(Path({str(case.root)!r}), manifest, SPLITS, report, Patience(report_every=0))
        """
    )
    killed, stop_after = 0, 1
    for _ in range(40):
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        for count, _line in enumerate(process.stdout, start=1):
            if count == stop_after:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        if process.wait() == 0:
            break
        killed += 1
        stop_after += 3
        for split in SPLITS.values():
            folder = case.root / split.images
            names = {p.name for p in folder.iterdir()} if folder.exists() else set()
            whole = {Path(p).name for p in case.files if p.startswith(f"{split.images}/")}
            assert names in (set(), whole)
    assert killed >= 10
    case.download()
    assert case.is_complete()


def test_zip_put_there_by_hand_is_used(case):
    path = case.root / "downloads" / "train2017.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(case.server.files[TRAIN])
    case.download()
    assert case.is_complete()
    assert not case.requests_of(TRAIN)


def test_wrong_zip_put_there_by_hand_is_fetched(case):
    path = case.root / "downloads" / "train2017.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(case.server.files["/main/val2017.zip"])
    case.download()
    assert case.is_complete()


def test_keep_leaves_the_zip(case):
    case.manifest["train2017.zip"]["keep"] = True
    case.download()
    assert (case.root / "downloads/train2017.zip").read_bytes() == case.server.files[TRAIN]
    assert not (case.root / "downloads/val2017.zip").exists()


def test_zip_left_by_an_interruption_is_removed(case):
    case.download()
    (case.root / "downloads/train2017.zip").write_bytes(b"left behind")
    case.download()
    assert case.is_complete()


def test_second_process_waits_for_the_first(case):
    case.server.faults[TRAIN] += [Fault(stall_after=1_000)]
    other = Case.__new__(Case)
    other.__dict__ = {**case.__dict__, "lines": [], "pauses": []}
    thread = threading.Thread(target=case.download)
    thread.start()
    while not case.requests_of(TRAIN):
        time.sleep(0.01)
    other.download()
    thread.join()
    assert case.is_complete()
    assert "another download" in other.said
    assert len(case.requests_of("/main/val2017.zip")) == 1
