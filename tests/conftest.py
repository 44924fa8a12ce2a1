"""Shared by all tests: what a skip may mean, and how close the reference numbers came.

A fresh machine lacks a GPU, a browser or the shared data; tests that need them skip with the
reason. With CORNERNET_REQUIRE_ALL set, only a missing GPU excuses a skip.
"""

import os

import pytest
from parity.fixtures import COMPARED, READERS, USED, WHOLE, array_names, compared, unused, used


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Collect what a process of pytest-xdist compared."""
    output = getattr(node, "workeroutput", {})
    for file, keys in output.get("parity_compared", {}).items():
        for key, difference in keys.items():
            compared(file, key, difference)
    for file, keys in output.get("parity_used", {}).items():
        used(file, *keys)
    WHOLE.update(output.get("parity_whole", []))


def pytest_terminal_summary(terminalreporter):
    print_parity(terminalreporter)
    refuse_unused(terminalreporter)
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
        inputs = USED[name] - set(keys)
        elsewhere = "" if READERS[name] <= WHOLE else "  (some of its tests were left out)"
        terminalreporter.line(
            f"{name:<16}{len(array_names(name)):>8}{len(keys):>10}{len(inputs):>8}"
            f"{len(unused(name)):>8}{max(keys.values()):>20.3g}{elsewhere}"
        )


def refuse_unused(terminalreporter):
    """Fail the run if it had all tests of a file, and yet some array of it was not looked at."""
    forgotten = {name: unused(name) for name, readers in READERS.items() if readers <= WHOLE}
    for name, keys in forgotten.items():
        for key in sorted(keys)[:5]:
            terminalreporter.line(f"NOT COMPARED: {key} of {name}.npz ({len(keys)} such)", red=True)
    if any(forgotten.values()):
        terminalreporter._session.exitstatus = 1


def refuse_skips(terminalreporter):
    """Fail the run if a test was skipped for another reason than a missing GPU."""
    skipped = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    refused = sorted({reason for reason in skipped if "GPU" not in reason})
    for reason in refused:
        terminalreporter.line(f"NOT ALLOWED TO SKIP HERE: {reason}", red=True)
    if refused:
        terminalreporter._session.exitstatus = 1
