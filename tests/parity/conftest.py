"""Hands what was compared with the reference numbers to the summary, from every test process."""

from pathlib import Path

from parity.fixtures import COMPARED, USED, WHOLE

HERE = Path(__file__).parent
LEFT_OUT = set()  # modules of which some test was not selected


def modules(items):
    return {item.path.stem for item in items if item.path.parent == HERE}


def pytest_deselected(items):
    LEFT_OUT.update(modules(items))


def pytest_collection_finish(session):
    """Of which modules all tests run: only of those the summary can miss an array."""
    config = session.config
    one_by_one = config.getoption("lf", False) or any("::" in each for each in config.args)
    if not one_by_one and not config.option.collectonly:  # neither deselects anything
        WHOLE.update(modules(session.items) - LEFT_OUT)


def pytest_sessionfinish(session):
    workeroutput = getattr(session.config, "workeroutput", None)
    if workeroutput is not None:  # a process of pytest-xdist: the first one prints
        workeroutput["parity_compared"] = {name: dict(keys) for name, keys in COMPARED.items()}
        workeroutput["parity_used"] = {name: sorted(keys) for name, keys in USED.items()}
        workeroutput["parity_whole"] = sorted(WHOLE)
