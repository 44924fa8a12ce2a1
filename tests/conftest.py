"""Shared by all tests: what a skip may mean, and how close the reference numbers came.

A fresh machine lacks a GPU, a browser or the shared data; tests that need them skip with the
reason. With CORNERNET_REQUIRE_ALL set, only a missing GPU excuses a skip.
"""

import os

import numpy as np
import pytest
from parity.fixtures import COMPARED, USED, compared, folder, used


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Collect what a process of pytest-xdist compared."""
    output = getattr(node, "workeroutput", {})
    for file, keys in output.get("parity_compared", {}).items():
        for key, difference in keys.items():
            compared(file, key, difference)
    for file, keys in output.get("parity_used", {}).items():
        used(file, *keys)


def pytest_terminal_summary(terminalreporter):
    print_parity(terminalreporter)
    if os.environ.get("CORNERNET_REQUIRE_ALL"):
        refuse_skips(terminalreporter)


def print_parity(terminalreporter):
    """How many reference arrays were compared, and the largest difference of each file.

    Of an array with entries above 1, the difference is a part of the largest: sums over an image and
    boxes in pixels have digits to spare. What the small models differ by most are the statistics
    after eight steps of Adam, which weights that differ in their last bit do too.
    """
    if not COMPARED:
        return
    terminalreporter.section("parity with the released code")
    head = f"{'file':<16}{'arrays':>8}{'compared':>10}{'inputs':>8}{'unused':>8}{'largest difference':>20}"
    terminalreporter.line(head)
    for name, keys in sorted(COMPARED.items()):
        with np.load(folder() / f"{name}.npz", allow_pickle=False) as arrays:
            files = set(arrays.files)
        inputs = USED[name] - set(keys)
        unused = files - inputs - set(keys)
        terminalreporter.line(
            f"{name:<16}{len(files):>8}{len(keys):>10}{len(inputs):>8}{len(unused):>8}"
            f"{max(keys.values()):>20.3g}"
        )


def refuse_skips(terminalreporter):
    """Fail the run if a test was skipped for another reason than a missing GPU."""
    skipped = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    refused = sorted({reason for reason in skipped if "GPU" not in reason})
    for reason in refused:
        terminalreporter.line(f"NOT ALLOWED TO SKIP HERE: {reason}", red=True)
    if refused:
        terminalreporter._session.exitstatus = 1
