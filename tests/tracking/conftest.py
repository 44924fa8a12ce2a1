"""A database that the tests of runs share, and nobody else's."""

import pytest

from cornernet.tracking import initialise


@pytest.fixture
def own_database(monkeypatch):
    """No server that the environment names, no group of runs."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("CORNERNET_INVOCATION", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A database that was made once; each test has a run of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    initialise("demo", folder)
    return folder


@pytest.fixture
def client(folder):
    return initialise("demo", folder).client
