"""Data sets that the tests of this folder share: on a server that misbehaves, and on disk."""

import pytest
from data.download_case import Case
from data.fault_server import FaultServer
from data.small_dataset import SmallDataset


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def case(tmp_path, server):
    return Case(tmp_path / "coco", server)


@pytest.fixture
def dataset(tmp_path):
    return SmallDataset(tmp_path)
