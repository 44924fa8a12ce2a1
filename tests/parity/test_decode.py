"""Decoding against the released code. Rows that it scores -1 are rejected pairs, in no order."""

from dataclasses import replace

import pytest
import torch
from detection.settings import RELEASED

from cornernet.detection.decode import decode
from parity.fixtures import Fixture, in_order, valid_rows

ARRAYS = Fixture("decode")


@pytest.mark.parametrize("case", ARRAYS["cases"].tolist())
def test_pairs(case):
    corners, kernel, distance, pairs = ARRAYS[f"{case}_params"].tolist()
    params = replace(
        RELEASED,
        top_corners=int(corners),
        peak_kernel=int(kernel),
        embedding_distance=distance,
        max_pairs=int(pairs),
    )
    outputs = ARRAYS.outputs(f"{case}_")
    if case.endswith("noregr"):
        moved = decode(outputs, params)
        nowhere = torch.zeros_like(outputs.tl_offset)
        outputs = outputs._replace(tl_offset=nowhere, br_offset=nowhere)
        assert not torch.equal(decode(outputs, params).boxes, moved.boxes)
    key = f"{case}_detections"
    for ours, rows in zip(valid_rows(decode(outputs, params)), ARRAYS[key], strict=True):
        ARRAYS.compare(key, in_order(ours), in_order(rows[rows[:, 4] > -1]), 1e-6, 1e-6)
