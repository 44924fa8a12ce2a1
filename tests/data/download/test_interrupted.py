"""The download stopped at any point, by a signal or for good, and started again."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from data.download.download_case import SPLITS, TRAIN
from data.download.fault_server import Fault

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
