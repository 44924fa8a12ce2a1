"""The download stopped at any point, by a signal or for good, and started again."""

import json
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from data.download.download_case import SPLITS, TRAIN
from data.download.fault_server import Fault


@pytest.mark.parametrize("moment", ["checking", "trying again", "unpacking"])
def test_interrupted_at_any_point_it_goes_on(case, moment):
    case.server.faults[TRAIN] += [Fault(reset_after=30_000)]

    def report(line: str) -> None:
        if moment in line and "train2017" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.download(report)
    assert not (case.root / "train2017").exists()
    case.download()
    assert case.is_complete()
    assert len(case.ranges_of(TRAIN)) == 2


def test_killed_process_leaves_no_half_folder(case):
    """kill -9 at many moments; each start goes on, the last one finishes.

    A child of one process is killed as the download calls a C function for the n-th time: between
    any two blocks, writes, renames. Prints what lies on the disk after each death.
    """
    script = f"""
        import json, os, signal, sys
        from pathlib import Path
        sys.path[:0] = {[str(Path(__file__).parents[2])]!r}
        from data.download.download_case import SPLITS
        from cornernet.data.download.fetch import download_files

        root, manifest, left = Path({str(case.root)!r}), {case.manifest!r}, 0

        def count(frame, event, argument):
            global left
            if event == "c_call" and "/data/download/" in frame.f_code.co_filename:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        for left in range(10, 2000, 9):
            if not os.fork():
                sys.setprofile(count)
                download_files(root, manifest, SPLITS, lambda line: None)
                os._exit(0)
            if os.wait()[1] == 0:
                break
            print(json.dumps([str(p.relative_to(root)) for p in root.glob("*2017/*")]))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    deaths = [set(json.loads(line)) for line in run.stdout.splitlines()]
    assert len(deaths) >= 10
    for there in deaths:
        for split in SPLITS.values():
            whole = set(case.files_in(split.images))
            assert there & whole in (set(), whole)
    case.download()
    assert case.is_complete()


@pytest.mark.parametrize("served", [TRAIN, "/main/val2017.zip"])
def test_right_zip_put_there_by_hand_is_used(case, served):
    path = case.root / "downloads" / "train2017.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(case.server.files[served])
    case.download()
    assert case.is_complete()
    assert len(case.ranges_of(TRAIN)) == (served != TRAIN)


def test_zip_left_by_an_interruption_is_removed(case):
    case.download()
    (case.root / "downloads/train2017.zip").write_bytes(b"left behind")
    case.download()
    assert case.is_complete()


def test_second_process_waits_for_the_first(case):
    case.server.faults[TRAIN] += [Fault(stall_after=1_000)]
    other = replace(case, lines=[])
    thread = threading.Thread(target=case.download)
    thread.start()
    while not case.ranges_of(TRAIN):
        time.sleep(0.01)
    other.download()
    thread.join()
    assert case.is_complete()
    assert "another download" in other.lines[0]
    assert len(case.ranges_of("/main/val2017.zip")) == 1
