"""The download stopped at any point, by a signal or for good, and started again."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from data.download.download_case import SPLITS, Case, interrupted
from data.download.fault_server import Fault

TRAIN = "/main/train2017.zip"


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
        from data.download.download_case import SPLITS
        from cornernet.data.download.download import download_files
from cornernet.data.download.transfer import Patience
        from cornernet.data.download.transfer import Patience
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
