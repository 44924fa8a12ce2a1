"""Soft-NMS against the released code: all rows that it leaves, and how many of them survive."""

from dataclasses import replace
from functools import partial

import pytest
from detection.settings import RELEASED

from cornernet.detection.soft_nms import METHODS, soft_nms, soft_nms_merge
from parity.fixtures import Fixture

ARRAYS = Fixture("soft_nms")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ARRAYS["cases"].tolist())
def test_soft_nms_and_merging(case, method):
    """With the released code's stale rows, and without."""
    quirky = replace(RELEASED.soft_nms, method=method)
    runs = [(f"soft_{method}", "boxes5", soft_nms, 1e-6)]
    runs += [(f"soft7_{method}", "boxes7", soft_nms, 1e-6)]
    for exponent in (8, 10):  # boxes are sums of many products, in float32
        merge = partial(soft_nms_merge, exponent=exponent, mismatched=True)
        runs += [(f"merge_{method}_exp{exponent}", "boxes7", merge, 1e-5)]
    for name, boxes, suppress, tolerance in runs:
        rows, key, kept = ARRAYS[f"{case}_{boxes}"], f"{case}_{name}_array", f"{case}_{name}_kept"
        ARRAYS.check(key, suppress(rows, quirky), tolerance, tolerance)
        survivors = suppress(rows, replace(quirky, stale_rows=False))
        ARRAYS.check(kept, len(survivors))
        # where a row's score ended does not depend on the quirks
        scores = ARRAYS[key][: len(survivors), 4]
        ARRAYS.compare(key, survivors[:, 4], scores, tolerance, tolerance)
