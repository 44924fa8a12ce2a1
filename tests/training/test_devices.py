"""Which devices, and which chunks on each."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cornernet.training.devices import choose_devices, deal_chunks


@given(st.integers(1, 40), st.integers(1, 12))
def test_every_chunk_is_dealt_once_in_order_and_evenly(num_chunks, processes):
    if processes > num_chunks:
        with pytest.raises(ValueError, match="cannot be dealt"):
            deal_chunks(num_chunks, processes)
        return
    shares = deal_chunks(num_chunks, processes)
    assert [number for share in shares for number in share] == list(range(num_chunks))
    assert {len(share) for share in shares} <= {
        num_chunks // processes,
        -(-num_chunks // processes),
    }


@pytest.mark.parametrize(
    ("wanted", "present", "chunks", "devices", "said"),
    [
        (10, 0, 10, ("cpu",), "none is here"),
        (10, 2, 10, ("cuda:0", "cuda:1"), "2 here"),
        (1, 8, 10, ("cuda:0",), None),
        (10, 8, 2, ("cuda:0", "cuda:1"), None),
    ],
)
def test_devices_are_those_that_there_are(monkeypatch, wanted, present, chunks, devices, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    lines = []
    assert choose_devices(wanted, chunks, lines.append) == devices
    assert [said in line for line in lines] == ([True] if said else [])
