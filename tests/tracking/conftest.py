"""A database that the tests of runs share, and nobody else's."""

import pytest

from cornernet.tracking.server import connect


@pytest.fixture(autouse=True)
def own_database(monkeypatch):
    """No server or cluster that the environment names, no group of runs; seconds are long."""
    for name in ("MLFLOW_TRACKING_URI", "SLURM_JOB_ID", "CORNERNET_INVOCATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("cornernet.tracking.run.INTERVAL", 0.05)
    monkeypatch.setattr("cornernet.tracking.run.RETRY_INTERVAL", 0.3)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A database that was made once; each test has a run of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(folder)
    return folder


@pytest.fixture
def client(folder):
    return connect(folder)
