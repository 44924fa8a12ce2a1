"""Data sets that the tests of this folder share: on a server that misbehaves, and on disk."""

import pytest
from data.coco.small_dataset import SmallDataset
from data.download.download_case import Case, FaultServer

from cornernet.data.download import transfer


@pytest.fixture
def server(monkeypatch):
    """Servers are given up on quickly."""
    monkeypatch.setattr(transfer, "TIMEOUT", 2.0)
    monkeypatch.setattr(transfer, "RETRY", transfer.RETRY.new(total=2, backoff_factor=0.001))
    with FaultServer() as running:
        yield running


@pytest.fixture
def case(tmp_path, server):
    return Case(tmp_path / "coco", server)


@pytest.fixture
def dataset(tmp_path):
    return SmallDataset(tmp_path)
