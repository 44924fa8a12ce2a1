"""Soft-NMS against the released code: all rows that it leaves, and how many of them survive."""

from dataclasses import replace

import numpy as np
import pytest
from detection.settings import RELEASED

from cornernet.detection.soft_nms import METHODS, soft_nms, soft_nms_merge
from parity.fixtures import compared, load, relative_difference, used

FILE = "soft_nms"
QUIRKY = RELEASED.soft_nms
ARRAYS = load(FILE)
CASES = ARRAYS["cases"].tolist()


def check(case, key, boxes, suppress, tolerance):
    """Compare `suppress(boxes, params)` with and without the stale rows."""
    used(FILE, "cases", f"{case}_{boxes}")
    reference, kept = ARRAYS[f"{key}_array"], int(ARRAYS[f"{key}_kept"])

    everything = suppress(ARRAYS[f"{case}_{boxes}"], QUIRKY)
    np.testing.assert_allclose(everything, reference, rtol=tolerance, atol=tolerance)
    compared(FILE, f"{key}_array", relative_difference(everything, reference))

    survivors = suppress(ARRAYS[f"{case}_{boxes}"], replace(QUIRKY, stale_rows=False))
    assert len(survivors) == kept
    compared(FILE, f"{key}_kept", abs(len(survivors) - kept))
    # where a row's score ended does not depend on the quirks
    np.testing.assert_allclose(survivors[:, 4], reference[:kept, 4], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_soft_nms(case, method):
    def suppress(rows, params):
        return soft_nms(rows, replace(params, method=method))

    check(case, f"{case}_soft_{method}", "boxes5", suppress, 1e-6)
    check(case, f"{case}_soft7_{method}", "boxes7", suppress, 1e-6)


@pytest.mark.parametrize("exponent", [8, 10])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_soft_nms_merge(case, method, exponent):
    def suppress(rows, params):
        params = replace(params, method=method)
        return soft_nms_merge(rows, params, exponent, mismatched=True)

    # boxes are sums of many products, in float32
    check(case, f"{case}_merge_{method}_exp{exponent}", "boxes7", suppress, 1e-5)
