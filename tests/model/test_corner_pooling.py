"""Corner pooling in all its forms. Its numbers, with ties, are in tests/parity."""

import pytest
import torch
from model.pooling_forms import FORMS, INTERPRETED, use_form

from cornernet.model.corner_pooling import corner_pool, directional_pool

CORNERS = ("top_left", "bottom_right")
LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """The scans in torch's operations, or in Triton's kernel."""
    use_form(request.param, monkeypatch)
    return request.param


@pytest.mark.parametrize("corner", CORNERS)
def test_gradient_in_double_precision(corner):
    generator = torch.Generator().manual_seed(0)
    maps = [
        torch.randn(1, 2, 2, 5, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    ]
    assert torch.autograd.gradcheck(lambda v, h: corner_pool(v, h, corner), maps)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rounds_only_the_sum(form, dtype):
    maps = [torch.randn(1, 3, 7, 9).to(dtype) for _ in range(2)]
    pooled = corner_pool(*maps, "top_left")
    assert pooled.dtype == dtype
    exact = directional_pool(maps[0].float(), "top") + directional_pool(maps[1].float(), "left")
    assert torch.equal(pooled, exact.to(dtype))


def pooled_with_gradients(maps, corner, upstream, device="cpu", layout=torch.preserve_format):
    """The pooled map and the gradients of both maps, on the CPU."""
    inputs = [each.detach().to(device, memory_format=layout).requires_grad_() for each in maps]
    pooled = corner_pool(*inputs, corner)
    pooled.backward(upstream.to(device))
    return [each.cpu() for each in (pooled.detach(), *(each.grad for each in inputs))]


@pytest.mark.parametrize(
    ("dtype", "layout"), zip((torch.float32, torch.float16), LAYOUTS, strict=True)
)
@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.skipif(
    not INTERPRETED,
    reason="needs a GPU, or Triton's interpreter (test_corner_pooling_triton.py starts it)",
)
def test_the_kernel_gives_the_bits_of_the_plain_form(form, dtype, layout, corner, monkeypatch):
    """More rows, columns and channels than one program of the kernel takes at a time."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(1, 2, 19, 35, generator=generator).round(decimals=1).to(dtype)] * 2
    upstream = torch.randint(-8, 8, maps[0].shape, generator=generator).to(dtype)
    found = []
    for name in (form, "plain"):
        use_form(name, monkeypatch, ahead=16, columns=64)
        found.append(pooled_with_gradients(maps, corner, upstream, layout=layout))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_layout_is_kept_and_inputs_are_left_alone(form):
    for layout in LAYOUTS:
        features = torch.randn(2, 3, 4, 5).to(memory_format=layout)
        before = features.clone()
        pooled = corner_pool(features, features, "top_left")
        assert pooled.is_contiguous(memory_format=layout)
        assert torch.equal(features, before)
        assert pooled.data_ptr() != features.data_ptr()
    single = torch.randn(1, 3, 1, 1)  # a map that is its own maximum
    assert directional_pool(single, "top").data_ptr() != single.data_ptr()
    strided = torch.randn(2, 3, 8, 10)[:, :, ::2, 1::3]
    dense = corner_pool(strided.contiguous(), strided.contiguous(), "top_left")
    assert torch.equal(corner_pool(strided, strided, "top_left"), dense)


def test_nan_reaches_every_cell_that_looks_at_it(form):
    """So that the loss turns NaN, where training looks for it."""
    features = torch.zeros(1, 1, 3, 3)
    features[0, 0, 1, 1] = float("nan")
    found = directional_pool(features, "top").isnan()[0, 0]
    assert found.tolist() == [[False, True, False], [False, True, False], [False, False, False]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_gives_what_the_cpu_gives(layout, dtype):
    maps = [torch.randn(2, 70, 65, 33).round(decimals=1).to(dtype) for _ in range(2)]
    upstream = torch.randint(-8, 8, maps[0].shape).to(dtype)
    found = [
        pooled_with_gradients(maps, "top_left", upstream, device, layout)
        for device in ("cpu", "cuda")
    ]
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
