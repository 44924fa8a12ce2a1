"""Batch norm folded into convolutions: the same predictions, the model itself left alone."""

from dataclasses import replace

import pytest
import torch
from model.sizes import TINY

from cornernet.detection.network import fold_batch_norm, widths_fill_vectors
from cornernet.model.network import CornerNet


@pytest.fixture
def model():
    """A network whose batch norms are as after some training: nothing in them is 0 or 1."""
    torch.manual_seed(0)
    model = CornerNet(3, TINY)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 3.0)
    return model.eval()


def test_the_same_predictions_without_a_batch_norm(model):
    images = torch.randn(2, 3, 63, 47)
    folded = fold_batch_norm(model)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    with torch.inference_mode():
        for ours, theirs in zip(folded(images), model(images), strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert other.std() > 1e-3
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(other.std()))


def test_the_model_is_left_as_it_is(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fold_batch_norm(model.train())
    assert model.training
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_channels_are_innermost_only_where_widths_fill_vectors():
    whole = replace(TINY, dims=(16, 16, 32), stem_channels=16, pool_channels=16)
    assert widths_fill_vectors(CornerNet(3, whole))
    for part in ({"stem_channels": 8}, {"pool_channels": 24}, {"dims": (16, 16, 20)}):
        assert not widths_fill_vectors(CornerNet(3, replace(whole, **part)))
