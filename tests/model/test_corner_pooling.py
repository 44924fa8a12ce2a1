"""Corner pooling against loops written from equations 6 and 7, in all its forms."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from model.pooling_forms import FORMS, INTERPRETED, use_form

from cornernet.model.corner_pooling import corner_pool, directional_pool

CORNERS = ("top_left", "bottom_right")
LAYOUTS = (torch.contiguous_format, torch.channels_last)
# Few values, so that most maps have ties.
MAPS = st.tuples(*[st.integers(1, side) for side in (2, 3, 40, 19)]).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.sampled_from([-1.5, 0.0, 0.5, 2.0]))
)


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """The scans in torch's operations, or in Triton's kernel."""
    use_form(request.param, monkeypatch)
    return request.param


def loops(vertical, horizontal, corner):
    """Equations 6 and 7 by recursion from the far end, and the cell that each maximum is from.

    Bottom-right is top-left of the map turned by 180 degrees.
    """
    if corner == "bottom_right":
        turned, rows, columns = loops(
            vertical[..., ::-1, ::-1], horizontal[..., ::-1, ::-1], "top_left"
        )
        height, width = vertical.shape[2:]
        rows, columns = rows[..., ::-1, ::-1], columns[..., ::-1, ::-1]
        return turned[..., ::-1, ::-1], height - 1 - rows, width - 1 - columns
    batch, channels, height, width = vertical.shape
    t, l = vertical.copy(), horizontal.copy()  # noqa: E741 (the paper's names)
    rows = np.broadcast_to(np.arange(height)[:, None], vertical.shape).copy()
    columns = np.broadcast_to(np.arange(width), vertical.shape).copy()
    for n, c in itertools.product(range(batch), range(channels)):
        for i, j in itertools.product(reversed(range(height)), reversed(range(width))):
            if i < height - 1 and t[n, c, i + 1, j] >= vertical[n, c, i, j]:
                t[n, c, i, j], rows[n, c, i, j] = t[n, c, i + 1, j], rows[n, c, i + 1, j]
            if j < width - 1 and l[n, c, i, j + 1] >= horizontal[n, c, i, j]:
                l[n, c, i, j], columns[n, c, i, j] = l[n, c, i, j + 1], columns[n, c, i, j + 1]
    return t + l, rows, columns


def pooled_with_gradients(vertical, horizontal, upstream, corner, layout):
    vertical, horizontal = (
        torch.from_numpy(each.copy()).to(memory_format=layout).requires_grad_()
        for each in (vertical, horizontal)
    )
    pooled = corner_pool(vertical, horizontal, corner)
    pooled.backward(torch.from_numpy(upstream))
    return pooled.detach().numpy(), vertical.grad.numpy(), horizontal.grad.numpy()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("corner", CORNERS)
@settings(
    max_examples=3 if INTERPRETED else 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(features=MAPS)
def test_outputs_and_gradients_on_ties(form, corner, layout, features):
    horizontal = np.roll(features, 1, axis=3)
    upstream = np.random.default_rng(0).integers(-8, 8, features.shape).astype(np.float32)
    expected, rows, columns = loops(features, horizontal, corner)
    to_vertical, to_horizontal = np.zeros_like(features), np.zeros_like(features)
    for n, c, i, j in np.ndindex(features.shape):
        to_vertical[n, c, rows[n, c, i, j], j] += upstream[n, c, i, j]
        to_horizontal[n, c, i, columns[n, c, i, j]] += upstream[n, c, i, j]

    found = pooled_with_gradients(features, horizontal, upstream, corner, layout)

    # Whole numbers, so that the order of additions does not matter.
    for ours, theirs in zip(found, (expected, to_vertical, to_horizontal), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("corner", CORNERS)
def test_gradient_in_double_precision(form, corner):
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.skipif(not INTERPRETED, reason="needs Triton's interpreter")
def test_the_kernel_gives_the_bits_of_the_plain_form(form, dtype, monkeypatch):
    """More rows, columns and channels than one program of the kernel takes at a time."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(1, 2, 19, 35, generator=generator).round(decimals=1).to(dtype)] * 2
    upstream = torch.randint(-8, 8, maps[0].shape, generator=generator).to(dtype)
    found = []
    for name in (form, "plain"):
        use_form(name, monkeypatch, ahead=16, columns=64)
        inputs = [each.clone().requires_grad_() for each in maps]
        pooled = corner_pool(*inputs, "bottom_right")
        pooled.backward(upstream)
        found.append((pooled.detach(), inputs[0].grad, inputs[1].grad))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_under_autocast_and_without_gradients(form):
    convolution = torch.nn.Conv2d(3, 4, 3)
    images = torch.randn(2, 3, 9, 9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = convolution(images)
        pooled = corner_pool(features, features, "bottom_right")
    pooled.float().sum().backward()
    assert pooled.dtype == torch.bfloat16
    assert convolution.weight.grad.abs().sum() > 0
    with torch.no_grad():
        assert not corner_pool(features, features, "top_left").requires_grad


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


def test_strided_maps(form):
    features = torch.randn(2, 3, 8, 10)[:, :, ::2, 1::3]
    assert torch.equal(
        corner_pool(features, features, "top_left"),
        corner_pool(features.contiguous(), features.contiguous(), "top_left"),
    )


def test_nan_reaches_every_cell_that_looks_at_it(form):
    """So that the loss turns NaN, where training looks for it."""
    features = torch.zeros(1, 1, 3, 3)
    features[0, 0, 1, 1] = float("nan")
    found = directional_pool(features, "top").isnan()[0, 0]
    assert found.tolist() == [[False, True, False], [False, True, False], [False, False, False]]


def test_only_the_wanted_gradient(form):
    wanted = torch.randn(1, 1, 3, 3, requires_grad=True)
    corner_pool(wanted, torch.randn(1, 1, 3, 3), "top_left").sum().backward()
    assert wanted.grad.sum() == 9


def test_maps_that_do_not_fit():
    with pytest.raises(ValueError, match="differ"):
        corner_pool(torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 3, 2), "top_left")
    with pytest.raises(ValueError, match=r"\[B, C, H, W\]"):
        directional_pool(torch.zeros(2, 3), "top")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_gives_what_the_cpu_gives(layout, dtype):
    maps = [torch.randn(2, 70, 65, 33).round(decimals=1).to(dtype) for _ in range(2)]
    upstream = torch.randint(-8, 8, maps[0].shape).to(dtype)
    found = []
    for device in ("cpu", "cuda"):
        inputs = [each.to(device, memory_format=layout).requires_grad_() for each in maps]
        pooled = corner_pool(*inputs, "top_left")
        pooled.backward(upstream.to(device))
        found.append([each.cpu() for each in (pooled.detach(), *(i.grad for i in inputs))])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
