"""The download against a server that misbehaves: resumed, mended or refused, never half."""

import re
from pathlib import Path

import pytest
from data.download.download_case import Case, files_of, interrupted, refused, zipped
from data.download.fault_server import Fault

COCO_MINI = Path(__file__).parents[4] / "shared" / "data" / "coco_mini"
TRAIN = "/main/train2017.zip"


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
