"""Hands what was compared with the reference numbers to the summary, from every test process."""

from parity.fixtures import COMPARED, USED


def pytest_sessionfinish(session):
    workeroutput = getattr(session.config, "workeroutput", None)
    if workeroutput is not None:  # a process of pytest-xdist: the first one prints
        workeroutput["parity_compared"] = {name: dict(keys) for name, keys in COMPARED.items()}
        workeroutput["parity_used"] = {name: sorted(keys) for name, keys in USED.items()}
