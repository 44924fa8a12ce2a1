"""Hands what a test looked at to the summary, from whichever process it ran in."""

import pytest

from parity.fixtures import LOOKED_AT


@pytest.fixture(autouse=True)
def _looked_at(record_property):
    yield
    record_property("parity", [(*array, difference) for array, difference in LOOKED_AT.items()])
    LOOKED_AT.clear()
