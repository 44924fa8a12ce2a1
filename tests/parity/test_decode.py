"""Decoding against the released code. Rows that it scores -1 are rejected pairs, in no order."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.settings import RELEASED

from cornernet.detection.decode import decode
from cornernet.model.network import CornerOutputs
from parity.fixtures import compared, load, used
from parity.pairs import in_order, valid_rows

FILE = "decode"
HEADS = ("tl_heat", "br_heat", "tl_tag", "br_tag", "tl_regr", "br_regr")


@pytest.mark.parametrize("case", load(FILE)["cases"].tolist())
def test_pairs(case):
    arrays = load(FILE)
    used(FILE, "cases", f"{case}_params", *(f"{case}_{head}" for head in HEADS))
    corners, kernel, distance, pairs = arrays[f"{case}_params"].tolist()
    params = replace(
        RELEASED,
        top_corners=int(corners),
        peak_kernel=int(kernel),
        embedding_distance=distance,
        max_pairs=int(pairs),
    )
    outputs = CornerOutputs(*(torch.from_numpy(arrays[f"{case}_{head}"]) for head in HEADS))
    if case.endswith("noregr"):
        moved = decode(outputs, params)
        outputs = outputs._replace(
            tl_offset=torch.zeros_like(outputs.tl_offset),
            br_offset=torch.zeros_like(outputs.br_offset),
        )
        assert not torch.equal(decode(outputs, params).boxes, moved.boxes)

    found = decode(outputs, params)

    difference = 0.0
    for valid, reference in zip(valid_rows(found), arrays[f"{case}_detections"], strict=True):
        reference = reference[reference[:, 4] > -1]
        assert len(valid) == len(reference)
        reference, valid = in_order(reference), in_order(valid)
        difference = max(difference, np.abs(valid - reference).max(initial=0))
        np.testing.assert_allclose(valid, reference, rtol=1e-6, atol=1e-6)
    compared(FILE, f"{case}_detections", difference)
