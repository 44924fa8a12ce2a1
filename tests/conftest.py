"""Shared by all tests: what a skip may mean.

A fresh machine lacks a GPU, a browser or the shared data; tests that need them skip with the
reason. With CORNERNET_REQUIRE_ALL set, only a missing GPU excuses a skip.
"""

import os


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    if not os.environ.get("CORNERNET_REQUIRE_ALL"):
        return
    skipped = terminalreporter.stats.get("skipped", [])
    refused = sorted({str(r.longrepr[2]) for r in skipped if "GPU" not in str(r.longrepr[2])})
    for reason in refused:
        terminalreporter.line(f"NOT ALLOWED TO SKIP HERE: {reason}", red=True)
    if refused:
        terminalreporter._session.exitstatus = 1
