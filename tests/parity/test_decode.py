"""Decoding and soft-NMS against the released code."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from detection.detection_case import RELEASED

from cornernet.detection.decode import decode
from cornernet.detection.soft_nms import METHODS, soft_nms, soft_nms_merge
from parity.fixtures import Fixture, in_order, valid_rows

PAIRS, ROWS = Fixture("decode"), Fixture("soft_nms")


@pytest.mark.parametrize("case", PAIRS["cases"].tolist())
def test_pairs(case):
    """Rows that the released code scores -1 are rejected pairs, in no order."""
    corners, kernel, distance, pairs = PAIRS[f"{case}_params"].tolist()
    params = replace(
        RELEASED,
        top_corners=int(corners),
        peak_kernel=int(kernel),
        embedding_distance=distance,
        max_pairs=int(pairs),
    )
    outputs = PAIRS.outputs(f"{case}_")
    if case.endswith("noregr"):
        moved = decode(outputs, params)
        nowhere = torch.zeros_like(outputs.tl_offset)
        outputs = outputs._replace(tl_offset=nowhere, br_offset=nowhere)
        assert not torch.equal(decode(outputs, params).boxes, moved.boxes)
    key = f"{case}_detections"
    for ours, rows in zip(valid_rows(decode(outputs, params)), PAIRS[key], strict=True):
        PAIRS.compare(key, in_order(ours), in_order(rows[rows[:, 4] > -1]), 1e-6, 1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ROWS["cases"].tolist())
def test_soft_nms_and_merging(case, method):
    """All rows that it leaves, and how many survive: with its stale rows, and without."""
    quirky = replace(RELEASED.soft_nms, method=method)
    runs = [(f"soft_{method}", "boxes5", soft_nms, 1e-6)]
    runs += [(f"soft7_{method}", "boxes7", soft_nms, 1e-6)]
    for exponent in (8, 10):  # boxes are sums of many products, in float32
        merge = partial(soft_nms_merge, exponent=exponent, mismatched=True)
        runs += [(f"merge_{method}_exp{exponent}", "boxes7", merge, 1e-5)]
    for name, boxes, suppress, tolerance in runs:
        rows, key, kept = ROWS[f"{case}_{boxes}"], f"{case}_{name}_array", f"{case}_{name}_kept"
        ROWS.check(key, suppress(rows, quirky), tolerance, tolerance)
        survivors = suppress(rows, replace(quirky, stale_rows=False))
        ROWS.check(kept, len(survivors))
        # where a row's score ended does not depend on the quirks
        scores = ROWS[key][: len(survivors), 4]
        ROWS.compare(key, survivors[:, 4], scores, tolerance, tolerance)
