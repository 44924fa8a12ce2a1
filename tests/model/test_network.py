"""The network's shapes, sizes, switches, and cost. Its numbers are in tests/parity."""

import math

import pytest
import torch
from model.sizes import tiny_network as network
from torch import nn

from cornernet.config import load_params
from cornernet.model.cost import network_cost


@pytest.mark.parametrize(
    ("num_categories", "height", "width"), [(1, 63, 63), (7, 47, 95), (3, 64, 32)]
)
def test_shapes(num_categories, height, width):
    outputs = network(num_categories)(torch.randn(2, 3, height, width))
    cells = math.ceil(height / 4), math.ceil(width / 4)
    assert len(outputs) == 2
    for stack in outputs:
        channels = (num_categories, num_categories, 1, 1, 2, 2)
        assert [tuple(each.shape) for each in stack] == [(2, c, *cells) for c in channels]


def test_without_corner_pooling_the_maps_are_added_and_no_parameter_is_lost():
    """Table 1's ablation: the same parameters, other numbers."""
    pooled, unpooled = network(), network(corner_pooling=False)
    assert pooled.state_dict().keys() == unpooled.state_dict().keys()
    parameters = [sum(each.numel() for each in one.parameters()) for one in (pooled, unpooled)]
    assert parameters[0] == parameters[1]
    layer = unpooled.top_left[0].pooling.eval()
    features = torch.randn(1, 8, 5, 5)
    added = layer.vertical(features) + layer.horizontal(features)
    assert torch.equal(layer(features), added)
    assert not torch.equal(pooled.top_left[0].pooling.eval()(features), added)


def test_intermediate_predictions_can_be_added_back():
    """Section 3.5: a 1x1 Conv-BN of them, through which the last stack's loss reaches the first's."""
    plain, added = network(), network(add_predictions=True)
    counts = [sum(each.numel() for each in one.parameters()) for one in (plain, added)]
    assert counts[1] - counts[0] == 2 * (3 + 1 + 2) * 8 + 2 * 8
    images = torch.randn(2, 3, 63, 63)
    for one in (plain, added):
        sum(each.sum() for each in one(images)[-1]).backward()
    reached = [one.top_left[0].embedding.output.weight.grad for one in (plain, added)]
    assert reached[0] is None
    assert reached[1].abs().max() > 0
    both, last = added.eval()(images), added(images, last_only=True)
    assert len(last) == 1
    assert all(map(torch.equal, both[-1], last[0]))


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


@pytest.mark.parametrize("stacks", [1, 3])
def test_every_parameter_is_trained_from_any_number_of_stacks(stacks):
    model = network(stacks=stacks)
    outputs = model(torch.randn(2, 3, 31, 31))
    sum(each.square().sum() for stack in outputs for each in stack).backward()
    assert len(outputs) == stacks
    assert all(each.grad is not None for each in model.parameters())


def test_sizes_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiple of 16, less one"):
        network()(torch.zeros(1, 3, 63, 55))
    with pytest.raises(ValueError, match=r"\[B, 3, h, w\]"):
        network()(torch.zeros(1, 4, 63, 63))
    with pytest.raises(ValueError, match="num_categories"):
        network(num_categories=0)


@pytest.mark.parametrize(
    ("profile", "last_only", "parameters", "operations"),
    [
        ("paper", False, 202_083_788, 938_992_467_968),
        ("as_run", True, 201_035_212, 686_344_372_224),  # as measured on the released code
    ],
)
def test_hourglass_104(profile, last_only, parameters, operations):
    cost = network_cost(load_params(profile).model, 80, (511, 511), last_only)
    assert (cost.parameters, cost.operations) == (parameters, operations)
