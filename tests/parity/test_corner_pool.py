"""Corner pooling against the released code: exact outputs, gradients with its rule for ties."""

import numpy as np
import pytest
import torch
from model.pooling_forms import FORMS, use_form

from cornernet.model.corner_pooling import corner_pool, directional_pool
from parity.fixtures import Fixture

ARRAYS = Fixture("corner_pool")
CASES = ARRAYS["cases"].tolist()


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """The scans in torch's operations, or in Triton's kernel."""
    use_form(request.param, monkeypatch)


def check_gradient(key, gradient):
    """They may differ in the order of additions: 33 of them can come to more than 1."""
    ARRAYS.check(key, gradient, 1e-5 * max(1, ARRAYS.largest(key)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_case_and_direction(form, layout):
    for case in CASES:
        for direction in ("top", "bottom", "left", "right"):
            features = ARRAYS.tensor(f"{case}_input").to(memory_format=layout).requires_grad_()
            output = directional_pool(features, direction)
            output.backward(ARRAYS.tensor(f"{case}_grad_output"))
            ARRAYS.check(f"{case}_{direction}_output", output.detach())
            check_gradient(f"{case}_{direction}_grad_input", features.grad)


@pytest.mark.parametrize(
    ("corner", "halves"), [("top_left", ("top", "left")), ("bottom_right", ("bottom", "right"))]
)
def test_corner_is_the_sum_of_its_halves(form, corner, halves):
    for case in CASES:
        maps = [ARRAYS.tensor(f"{case}_input").clone().requires_grad_() for _ in halves]
        pooled = corner_pool(*maps, corner)
        pooled.backward(ARRAYS.tensor(f"{case}_grad_output"))
        expected = sum(ARRAYS[f"{case}_{half}_output"] for half in halves)
        assert np.array_equal(pooled.detach().numpy(), expected), case
        for each, half in zip(maps, halves, strict=True):
            check_gradient(f"{case}_{half}_grad_input", each.grad)
