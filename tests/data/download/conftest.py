"""Servers are given up on quickly."""

import pytest

from cornernet.data.download import transfer


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", 2.0)
    monkeypatch.setattr(transfer, "RETRY", transfer.RETRY.new(total=2, backoff_factor=0.001))
