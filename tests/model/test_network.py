"""The network's shapes, sizes and switches. Its numbers are in tests/parity."""

import math
from dataclasses import replace

import pytest
import torch
from model.sizes import TINY
from torch import nn

from cornernet.config.load import load_params
from cornernet.model.network import CornerNet


def network(num_categories=3, seed=0, **changes):
    torch.manual_seed(seed)
    return CornerNet(num_categories, replace(TINY, **changes))


def count(model):
    return sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize("num_categories", [1, 7])
@pytest.mark.parametrize(("height", "width"), [(63, 63), (47, 95), (64, 32)])
def test_shapes(num_categories, height, width):
    outputs = network(num_categories)(torch.randn(2, 3, height, width))
    cells = math.ceil(height / 4), math.ceil(width / 4)
    assert len(outputs) == 2
    for stack in outputs:
        channels = (num_categories, num_categories, 1, 1, 2, 2)
        assert [tuple(each.shape) for each in stack] == [(2, c, *cells) for c in channels]


def test_last_only_skips_the_other_stacks_and_nothing_else():
    model = network().eval()
    images = torch.randn(1, 3, 63, 63)
    with torch.no_grad():
        everything, (last,) = model(images), model(images, last_only=True)
    for ours, theirs in zip(last, everything[-1], strict=True):
        assert torch.equal(ours, theirs)


def test_without_corner_pooling_the_maps_are_added_and_no_parameter_is_lost():
    """Table 1's ablation: the same parameters, other numbers."""
    pooled, unpooled = network(), network(corner_pooling=False)
    assert pooled.state_dict().keys() == unpooled.state_dict().keys()
    assert count(pooled) == count(unpooled)
    layer = unpooled.top_left[0].pooling.eval()
    features = torch.randn(1, 8, 5, 5)
    added = layer.vertical(features) + layer.horizontal(features)
    assert torch.equal(layer(features), added)
    assert not torch.equal(pooled.top_left[0].pooling.eval()(features), added)


@pytest.mark.parametrize("corner", ["top_left", "bottom_right"])
def test_corners_look_into_their_own_direction(corner):
    """A top-left module sees what lies far below and to the right, and the reverse."""
    module = getattr(network(), corner)[0].pooling.eval()
    nn.init.ones_(module.vertical.conv.weight)
    nn.init.ones_(module.horizontal.conv.weight)
    features = torch.zeros(1, 8, 15, 15)
    features[..., 7, 7] = 1.0
    lit = module(features)[0, 0] > 0
    near, far = (0, 14) if corner == "top_left" else (14, 0)
    assert lit[near, 7]
    assert lit[7, near]
    assert not lit[far, 7]
    assert not lit[7, far]


def test_parameter_counts_of_the_paper_in_every_ablation():
    counts = set()
    for variant in ({}, {"model.corner_pooling": "false"}):
        overrides = [f"{key}={value}" for key, value in variant.items()]
        with torch.device("meta"):
            counts.add(count(CornerNet(80, load_params("paper", overrides).model)))
    assert counts == {202_083_788}


def test_heatmaps_start_at_the_prior():
    model = network(heatmap_bias=-2.19)
    for module in (*model.top_left, *model.bottom_right):
        assert torch.all(module.heatmap.output.bias == -2.19)
        assert torch.all(module.embedding.output.bias != -2.19)
        assert torch.all(module.offset.output.bias != -2.19)


def test_batch_norm_weights():
    def weights(model):
        norms = [each for each in model.modules() if isinstance(each, nn.BatchNorm2d)]
        return torch.cat([each.weight for each in norms]).detach()

    assert torch.all(weights(network()) == 1)
    drawn = weights(network(batch_norm_weight="uniform"))
    assert 0 <= drawn.min() < 0.05
    assert 0.95 < drawn.max() <= 1
    assert abs(drawn.mean() - 0.5) < 0.05


def test_weights_come_from_the_seed_alone():
    first, again, other = network(seed=1), network(seed=1), network(seed=2)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(first.stem[0].conv.weight, other.stem[0].conv.weight)


def test_every_parameter_is_trained_from_any_number_of_stacks():
    for stacks in (1, 2, 3):
        model = network(stacks=stacks)
        outputs = model(torch.randn(2, 3, 31, 31))
        sum(each.square().sum() for stack in outputs for each in stack).backward()
        assert len(outputs) == stacks
        assert all(each.grad is not None for each in model.parameters())


def test_both_memory_layouts_compute_the_same():
    model = network().eval()
    images = torch.randn(2, 3, 63, 63)
    with torch.no_grad():
        plain = model(images)
        channels_last = model.to(memory_format=torch.channels_last)(
            images.contiguous(memory_format=torch.channels_last)
        )
    for ours, theirs in zip(plain[-1], channels_last[-1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_sizes_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiple of 16, less one"):
        network()(torch.zeros(1, 3, 63, 55))
    with pytest.raises(ValueError, match=r"\[B, 3, h, w\]"):
        network()(torch.zeros(1, 4, 63, 63))
    with pytest.raises(ValueError, match="num_categories"):
        network(num_categories=0)
