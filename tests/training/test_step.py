"""One optimisation step against a slow one written from the paper and from Adam's equations."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from training.tiny import CATEGORIES, tiny_params, tiny_samples

from cornernet.config import load_params
from cornernet.data.sampling.loader import batches
from cornernet.errors import BadInput
from cornernet.model.losses import corner_losses
from cornernet.model.network import CornerNet
from cornernet.training import gradients as accumulation
from cornernet.training.chunk_losses import corner_targets, runs_channels_last
from cornernet.training.group import Group, deal_chunks
from cornernet.training.job import NonFinite
from cornernet.training.state import capture, restore
from cornernet.training.trainer import Trainer, adam, learning_rate

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def params(data):
    return tiny_params(
        data, "train.chunks=[2, 3, 1]", "train.iterations=2", "train.learning_rate_drops=[]"
    )


def new_trainer(params):
    return Trainer(params, CATEGORIES, 0, None, Group(), "cpu")


def reference_gradients(model, chunks, params):
    """Each chunk on a copy of the model: no state can leak from one to the next."""
    sums, models = None, []
    for number in sorted(chunks):
        one = copy.deepcopy(model)
        outputs = one(chunks[number].image)
        targets = corner_targets(chunks[number], CATEGORIES, params.targets)
        loss = corner_losses(outputs, targets, params.losses).total
        found = torch.autograd.grad(loss, list(one.parameters()))
        sums = found if sums is None else [a + b for a, b in zip(sums, found, strict=True)]
        models.append(one)
    return [g / len(chunks) for g in sums], models


def test_a_step_is_adam_on_the_mean_over_chunks(params, chunks):
    trainer = new_trainer(params)
    before = copy.deepcopy(trainer.model)
    gradients, _ = reference_gradients(before, chunks[0], params)
    trainer.step(iter([chunks[0]]))
    parameters = dict(before.named_parameters())
    moved = 0
    for (name, after), gradient in zip(trainer.model.named_parameters(), gradients, strict=True):
        # The first step from zero moments, bias-corrected: m = g, v = g^2.
        expected = parameters[name].double() - 0.001 * gradient.double() / (
            gradient.double().abs() + 1e-8
        )
        clear = gradient.abs() > 1e-6  # where rounding of g does not turn its sign
        torch.testing.assert_close(
            after[clear].double(), expected[clear], rtol=1e-4, atol=2e-6, msg=name
        )
        moved += int(clear.sum())
    assert moved > 1000


def test_the_optimiser_is_adam_as_published():
    """Its averages too, which the first step does not see: betas 0.9 and 0.999, no weight decay."""
    parameter = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    holder = nn.Module()
    holder.register_parameter("only", parameter)
    optimizer = adam(holder, 0.01)
    gradients = torch.tensor([[0.5, -1.0], [-0.1, 2.0], [0.3, 0.0], [2.0, 0.4]]).double()
    expected, mean, square = parameter.detach().clone(), 0, 0
    for number, gradient in enumerate(gradients, start=1):
        parameter.grad = gradient.clone()
        optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        root = (square / (1 - 0.999**number)).sqrt()
        expected = expected - 0.01 * mean / (1 - 0.9**number) / (root + 1e-8)
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-12, atol=1e-12)


def test_gradients_are_the_mean_over_chunks_in_any_number_of_calls(params, chunks):
    trainer = new_trainer(params)
    expected, _ = reference_gradients(copy.deepcopy(trainer.model), chunks[0], params)
    for share in deal_chunks(3, 2):
        mine = {number: chunks[0][number] for number in share}
        accumulation.accumulate_gradients(trainer.model, mine, trainer.losses)
    for parameter, gradient in zip(trainer.model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_running_statistics_come_from_the_first_chunk_alone(params, chunks):
    trainer = new_trainer(params)
    _, models = reference_gradients(copy.deepcopy(trainer.model), chunks[0], params)
    trainer.step(iter([chunks[0]]))
    kept = dict(trainer.model.named_buffers())
    assert all(torch.equal(kept[name], b) for name, b in models[0].named_buffers())
    other = dict(models[1].named_buffers())
    assert not all(torch.equal(kept[name], other[name]) for name in kept)
    assert all(m.track_running_stats for m in trainer.model.modules() if hasattr(m, "momentum"))


@pytest.mark.parametrize("normaliser", ["image", "chunk"])
def test_chunks_of_one_image_train(params, normaliser):
    """The released code squeezes the image away and stops."""
    names = ("focal_normaliser", "grouping_normaliser", "offset_normaliser")
    alone = replace(
        params,
        train=replace(params.train, chunks=(1,)),
        losses=replace(params.losses, **dict.fromkeys(names, normaliser)),
    )
    trainer = new_trainer(alone)
    before = copy.deepcopy(dict(trainer.model.named_parameters()))
    for served in batches(tiny_samples(alone), (1,), 0, 3, workers=0):
        (chunk,) = served
        assert len(chunk.image) == 1
        trainer.step(iter([{0: chunk}]))
    for name, after in trainer.model.named_parameters():
        assert after.isfinite().all(), name
        assert not torch.equal(after, before[name]), name


def test_drops_of_the_full_schedule(params, chunks):
    full = replace(params.train, learning_rate=2.5e-4, learning_rate_drops=(450_000,))
    assert learning_rate(full, 0) == 2.5e-4
    assert learning_rate(full, 449_999) == 2.5e-4  # iteration 450,000
    assert learning_rate(full, 450_000) == pytest.approx(2.5e-5)  # the last 50k
    twice = replace(full, learning_rate_drops=(10, 20))
    assert learning_rate(twice, 20) == pytest.approx(2.5e-6)
    trainer = new_trainer(replace(params, train=replace(params.train, learning_rate_drops=(1,))))
    for one in chunks:
        trainer.step(iter([one]))
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_gradients_are_added_whatever_their_strides():
    holder = nn.ParameterList([torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5)])
    vector = accumulation.flat_gradients(holder)
    new = [torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)]
    vector.fill_(1)
    accumulation.add_gradients(list(holder), new)
    for parameter, added in zip(holder, new, strict=True):
        assert torch.equal(parameter.grad, 1 + added)


def test_a_state_goes_on_in_a_network_that_lies_in_memory_in_another_order(params, chunks):
    """As from a GPU in fp32 to a CPU, or the other way: channels outermost, and innermost."""
    ours = new_trainer(params)
    ours.step(iter([chunks[0]]))
    state = capture(ours.model, ours.optimizer, 1)
    other = new_trainer(params)
    other.model.to(memory_format=torch.channels_last)
    other.gradients = accumulation.flat_gradients(other.model)
    restore(copy.deepcopy(state), other.model, other.optimizer)
    moments = other.optimizer.state
    assert all(moments[p]["exp_avg"].stride() == p.stride() for p in other.model.parameters())
    draw = torch.Generator().manual_seed(1)
    for one, two in zip(ours.model.parameters(), other.model.parameters(), strict=True):
        one.grad.copy_(torch.randn(one.shape, generator=draw))
        two.grad.copy_(one.grad)
    ours.optimizer.step()
    other.optimizer.step()
    for one, two in zip(ours.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-7)


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(params, chunks):
    trainer = new_trainer(params)
    with torch.no_grad():
        for name, parameter in trainer.model.named_parameters():
            if "embedding" in name:
                parameter.mul_(float("nan"))
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    with pytest.raises(NonFinite, match=r"iteration 1: not finite: pull, push") as caught:
        trainer.step(iter([chunks[0]]))
    assert set(caught.value.losses) == {"pull", "push"}
    after = dict(trainer.model.named_parameters())
    assert all(torch.equal(before[n], after[n]) for n in before if "embedding" not in n)


NAMED = BadInput, r"out of memory on cpu with train.chunks\[0\] = 2 images"


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), *NAMED),
        (RuntimeError("[...] DefaultCPUAllocator: can't allocate memory: 8 bytes"), *NAMED),
        (MemoryError(), *NAMED),
        (RuntimeError("x"), RuntimeError, "^x$"),
    ],
)
def test_out_of_memory_names_the_chunk_to_lower(
    params, chunks, monkeypatch, error, expected, words
):
    trainer = new_trainer(params)

    def forward(self, images, last_only=False):
        raise error

    monkeypatch.setattr(CornerNet, "forward", forward)
    with pytest.raises(expected, match=words):
        trainer.step(iter([chunks[0]]))


def test_targets_mark_the_corners_cells(params, chunks):
    chunk = chunks[0][1]
    targets = corner_targets(chunk, CATEGORIES, params.targets)
    assert targets.tl_heat.shape == (3, CATEGORIES, 8, 8)
    found = 0
    for image, slot in chunk.mask.nonzero().tolist():
        category = chunk.category[image, slot]
        x, y = chunk.br_cell[image, slot].tolist()
        assert targets.br_index[image, slot] == y * 8 + x
        assert targets.br_heat[image, category, y, x] == 1
        found += 1
    assert found > 0


def test_channels_last_only_where_torch_s_kernels_are_sound():
    """A stem of 4 channels on 127 pixels killed the process with channels innermost."""
    cpu = torch.device("cpu")
    assert runs_channels_last(load_params("demo"), cpu)
    assert not runs_channels_last(load_params("demo", ["model.stem_channels=4"]), cpu)
    assert not runs_channels_last(load_params("smoke"), cpu)
    assert not runs_channels_last(load_params("paper"), torch.device("cuda"))
