"""Running the network: what it is shown, and what is said when it fails."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.detection_case import CLEAN, SMALL_MODEL
from model.sizes import TINY

from cornernet.data.sampling.colour import MEAN_BGR, STD_BGR
from cornernet.detection.network import (
    as_network,
    fold_batch_norm,
    run_network,
)
from cornernet.errors import BadInput
from cornernet.model.network import CornerNet, CornerOutputs

CPU = torch.device("cpu")
CANVASES = [
    np.random.default_rng(seed).integers(0, 256, (31, 47, 3), dtype=np.uint8) for seed in range(3)
]


def maps(batch, value=0.0):
    return CornerOutputs(*(torch.full((batch, n, 8, 12), value) for n in (2, 2, 1, 1, 2, 2)))


@pytest.mark.parametrize("flip", [True, False])
def test_images_then_their_mirrors_normalised(flip):
    seen = []

    def network(images):
        seen.append(images)
        return maps(len(images))

    outputs = run_network(network, CANVASES, replace(CLEAN, flip=flip), CPU)

    normalized = ((np.stack(CANVASES) / 255 - MEAN_BGR) / STD_BGR).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(seen[0][:3], normalized, atol=1e-6)
    assert outputs.tl_heat.shape[0] == len(seen[0]) == (6 if flip else 3)
    if flip:
        np.testing.assert_array_equal(seen[0][3:], seen[0][:3].flip(3))


def test_bf16_runs_the_network_alone_in_bf16():
    torch.manual_seed(0)
    model = CornerNet(2, SMALL_MODEL)
    fp32 = run_network(as_network(model), CANVASES, CLEAN, CPU)
    bf16 = run_network(as_network(model, "bf16"), CANVASES, CLEAN, CPU)
    for one, other in zip(fp32, bf16, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        torch.testing.assert_close(one, other, rtol=0, atol=0.05 * float(one.abs().max()))


def test_fp32_is_no_tf32_and_the_setting_is_put_back(monkeypatch):
    before, seen = torch.backends.cudnn.allow_tf32, []
    forward = CornerNet.forward

    def watched(self, *arguments, **more):
        seen.append(torch.backends.cudnn.allow_tf32)
        return forward(self, *arguments, **more)

    monkeypatch.setattr(CornerNet, "forward", watched)
    run_network(as_network(CornerNet(2, SMALL_MODEL)), CANVASES, CLEAN, CPU)
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_names_the_param(error):
    def network(images):
        raise error

    with pytest.raises(BadInput) as caught:
        run_network(network, CANVASES, CLEAN, CPU)
    (line,) = caught.value.problems
    assert "lower detection.batch_size, now 4" in line
    assert "3 images of 31 x 47 pixels on cpu" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("field", "value"),
    zip(CornerOutputs._fields, [torch.nan, torch.inf, -torch.inf] * 2, strict=True),
)
def test_predictions_that_are_not_finite_are_refused(field, value):
    def network(images):
        outputs = maps(len(images))
        getattr(outputs, field)[1, 0, 3, 4] = value
        return outputs

    with pytest.raises(BadInput, match=rf"\({field}\)"):
        run_network(network, CANVASES, CLEAN, CPU)


def test_the_last_stack_in_evaluation_mode_with_batch_norm_folded():
    """With batch norms as after some training; the model's tensors are left alone."""
    torch.manual_seed(0)
    model = CornerNet(3, TINY)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 3.0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images = torch.randn(2, 3, 63, 47)
    found = as_network(model)(images)
    folded = fold_batch_norm(model)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert not model.training
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    with torch.inference_mode():
        expected = model(images)[-1]
    for one, other in zip(found, expected, strict=True):
        assert other.std() > 1e-3
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(other.std()))
