"""Shared by all tests: what a skip may mean, and how close the reference numbers came.

A fresh machine lacks a GPU, a browser or the shared data; tests that need them skip with the
reason. With CORNERNET_REQUIRE_ALL set, only a missing GPU excuses a skip.
"""

import os
from collections import defaultdict

import pytest

LONGEST = ("pipeline", "slurm", "compilation", "trainings", "triton", "campaign", "stale")
PARITY = defaultdict(dict)  # file -> array -> largest difference, None where it was read alone


@pytest.fixture(scope="module")
def one_thread():
    """Sums in one order; and quicker for maps as small as those of tests."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items):
    """Begin with the modules that take minutes, in this order; the last two wait for Slurm's."""
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem.rpartition("_")[2], len(LONGEST)))


def pytest_runtest_logreport(report):
    """Collect what a test looked at, in this process or in one of pytest-xdist."""
    properties = dict(report.user_properties) if report.when == "teardown" else {}
    for file, key, difference in properties.get("parity", []):
        known = [each for each in (difference, PARITY[file].get(key)) if each is not None]
        PARITY[file][key] = max(known, default=None)


def unused():
    """Arrays that no test looked at, of the files of which this run has all tests."""
    return [
        f"NOT COMPARED: {key} of {name}.npz"
        for name, looked_at in PARITY.items()
        for key in arrays_of(name) - set(looked_at)
    ]


def arrays_of(name):
    """The names of all arrays of a file."""
    from parity.fixtures import Fixture  # with torch: only where it was needed anyway

    return set(Fixture(name))


def runs_whole_files(config):
    """Whether no test of a file is left out, but for those that are slow."""
    chosen = config.option.keyword or config.getoption("lf", False)
    return not chosen and "not slow" in config.option.markexpr and "::" not in str(config.args)


def refused_skips(reporter):
    """Tests that were skipped for another reason than a missing GPU."""
    skipped = {str(report.longrepr[2]) for report in reporter.stats.get("skipped", [])}
    return [f"NOT ALLOWED TO SKIP HERE: {reason}" for reason in skipped if "GPU" not in reason]


def pytest_sessionfinish(session):
    """Fail the run if an array was forgotten, or a test skipped that must not be."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(session.config, "workerinput"):
        forgotten = unused() if runs_whole_files(session.config) else []
        skips = refused_skips(reporter) if os.environ.get("CORNERNET_REQUIRE_ALL") else []
        for line in sorted(forgotten + skips):
            reporter.write_line(line, red=True)
            session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    """How many reference arrays were compared, and the largest difference of each file.

    Of an array with entries above 1, the difference is a part of the largest: sums over an image and
    boxes in pixels have digits to spare. What the small models differ by most are the statistics
    after eight steps of Adam, which weights that differ in their last bit do too.
    """
    if PARITY:
        terminalreporter.section("parity with the released code")
        terminalreporter.line(
            f"{'file':<16}{'arrays':>8}{'compared':>10}{'largest difference':>20}"
        )
    for name, looked_at in sorted(PARITY.items()):
        compared = [each for each in looked_at.values() if each is not None]
        terminalreporter.line(
            f"{name:<16}{len(arrays_of(name)):>8}{len(compared):>10}{max(compared, default=0):>20.3g}"
        )
