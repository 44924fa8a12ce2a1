"""Corner pooling against the released code: exact outputs, gradients with its rule for ties."""

import numpy as np
import pytest
import torch
from model.pooling_forms import FORMS, use_form

from cornernet.model.corner_pooling import corner_pool, directional_pool
from parity.fixtures import compared, load, relative_difference, used

FILE = "corner_pool"
DIRECTIONS = ("top", "bottom", "left", "right")


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """The scans in torch's operations, or in Triton's kernel."""
    use_form(request.param, monkeypatch)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_case_and_direction(form, layout):
    arrays = load(FILE)
    used(FILE, "cases")
    for case in arrays["cases"].tolist():
        used(FILE, f"{case}_input", f"{case}_grad_output")
        upstream = torch.from_numpy(arrays[f"{case}_grad_output"])
        for direction in DIRECTIONS:
            features = torch.from_numpy(arrays[f"{case}_input"]).to(memory_format=layout)
            features.requires_grad_()
            output = directional_pool(features, direction)
            output.backward(upstream)
            check(output.detach(), arrays, f"{case}_{direction}_output", exact=True)
            check(features.grad, arrays, f"{case}_{direction}_grad_input", exact=False)


@pytest.mark.parametrize(
    ("corner", "halves"), [("top_left", ("top", "left")), ("bottom_right", ("bottom", "right"))]
)
def test_corner_is_the_sum_of_its_halves(form, corner, halves):
    arrays = load(FILE)
    for case in arrays["cases"].tolist():
        vertical = torch.from_numpy(arrays[f"{case}_input"]).requires_grad_()
        horizontal = torch.from_numpy(arrays[f"{case}_input"]).requires_grad_()
        pooled = corner_pool(vertical, horizontal, corner)
        pooled.backward(torch.from_numpy(arrays[f"{case}_grad_output"]))
        expected = arrays[f"{case}_{halves[0]}_output"] + arrays[f"{case}_{halves[1]}_output"]
        assert np.array_equal(pooled.detach().numpy(), expected), case
        for each, half in zip((vertical, horizontal), halves, strict=True):
            check(each.grad, arrays, f"{case}_{half}_grad_input", exact=False)


def check(tensor, arrays, key, exact):
    """Gradients may differ in the order of additions: 33 of them can come to more than 1."""
    difference = relative_difference(tensor.numpy(), arrays[key])
    compared(FILE, key, difference)
    assert difference <= (0 if exact else 1e-5), f"{key}: off by {difference}"
