"""Which chunks each device gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornernet.training.devices import deal_chunks


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
