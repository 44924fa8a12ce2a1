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
from cornernet.training.state import capture, restore, save_state
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


def test_a_chunk_is_normalised_by_its_own_statistics(params, chunks):
    """Another chunk's images must not matter to a chunk's loss."""
    trainer = new_trainer(params)
    alone = trainer.losses(trainer.model, chunks[0][1]).total
    swapped = {0: chunks[1][0], 1: chunks[0][1]}
    table = accumulation.accumulate_gradients(trainer.model, swapped, trainer.losses)
    assert table[1, 0].item() == pytest.approx(alone.item(), rel=1e-6)


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


def test_drops_of_the_full_schedule(params):
    full = replace(params.train, learning_rate=2.5e-4, learning_rate_drops=(450_000,))
    assert learning_rate(full, 0) == 2.5e-4
    assert learning_rate(full, 449_999) == 2.5e-4  # iteration 450,000
    assert learning_rate(full, 450_000) == pytest.approx(2.5e-5)  # the last 50k
    twice = replace(full, learning_rate_drops=(10, 20))
    assert learning_rate(twice, 20) == pytest.approx(2.5e-6)


def test_the_rate_of_a_step_follows_the_drops(params, chunks):
    low = replace(params, train=replace(params.train, learning_rate_drops=(1,)))
    trainer = new_trainer(low)
    for one in chunks:
        trainer.step(iter([one]))
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_gradients_are_added_whatever_their_strides():
    first, second, third = (nn.Parameter(torch.zeros(2, 3, 4, 5)) for _ in range(3))
    first.grad, second.grad = torch.ones(2, 3, 4, 5), torch.ones(2, 3, 4, 5)
    new = [torch.randn(2, 3, 4, 5) for _ in range(3)]
    new[1] = new[1].to(memory_format=torch.channels_last)
    kept = first.grad, second.grad
    accumulation.add_gradients((first, second, third), new)
    assert first.grad is kept[0]
    assert second.grad is kept[1]
    assert torch.equal(first.grad, 1 + new[0])
    assert torch.equal(second.grad, 1 + new[1])
    assert torch.equal(third.grad, new[2])


def test_a_state_goes_on_in_a_network_that_lies_in_memory_in_another_order(params, chunks):
    """As from a GPU in fp32 to a CPU, or the other way: channels outermost, and innermost."""
    ours = new_trainer(params)
    ours.step(iter([chunks[0]]))
    state = capture(ours.model, ours.optimizer, 1, (), {}, None, [])
    other = new_trainer(params)
    other.model.to(memory_format=torch.channels_last)
    other.gradients = accumulation.FlatGradients(other.model)
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


def test_gradients_lie_in_one_vector(params, chunks):
    trainer = new_trainer(params)
    accumulation.accumulate_gradients(trainer.model, chunks[0], trainer.losses)
    total = sum(float(p.grad.double().square().sum()) for p in trainer.model.parameters())
    assert total > 0
    assert float(trainer.gradients.vector.double().square().sum()) == pytest.approx(total)
    trainer.gradients.clear()
    assert all(not p.grad.any() for p in trainer.model.parameters())


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


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"
        ),
        MemoryError(),
    ],
)
def test_out_of_memory_names_the_chunk_to_lower(params, chunks, monkeypatch, error):
    trainer = new_trainer(params)

    def forward(self, images, last_only=False):
        raise error

    monkeypatch.setattr(CornerNet, "forward", forward)
    with pytest.raises(BadInput, match=r"out of memory on cpu with train.chunks\[0\] = 2 images"):
        trainer.step(iter([chunks[0]]))


def test_other_errors_stay_what_they_are(params, chunks, monkeypatch):
    trainer = new_trainer(params)
    monkeypatch.setattr(CornerNet, "forward", lambda *_: (_ for _ in ()).throw(RuntimeError("x")))
    with pytest.raises(RuntimeError, match=r"^x$"):
        trainer.step(iter([chunks[0]]))


def test_lower_precision_keeps_losses_in_fp32(params, chunks):
    lower = replace(params, train=replace(params.train, precision="bf16"))
    exact = new_trainer(params).losses(new_trainer(params).model, chunks[0][1])
    trainer = new_trainer(lower)
    seen = []
    trainer.model.register_forward_hook(lambda m, i, outputs: seen.append(outputs[0].tl_heat.dtype))
    losses = trainer.losses(trainer.model, chunks[0][1])
    assert seen == [torch.bfloat16]
    assert losses.total.dtype == torch.float32
    assert losses.total.item() == pytest.approx(exact.total.item(), rel=0.05)
    losses.total.backward()
    assert all(p.grad.dtype == torch.float32 for p in trainer.model.parameters())


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


def test_a_state_put_back_goes_on_alike(params, chunks, tmp_path):
    """Into another network, with other random numbers drawn since."""
    first = new_trainer(params)
    first.step(iter([chunks[0]]))
    save_state(tmp_path / "s", capture(first.model, first.optimizer, 1, (), {}, None, []))
    drawn = torch.rand(3)
    first.step(iter([chunks[1]]))
    torch.manual_seed(99)
    second = Trainer(params, CATEGORIES, 7, tmp_path / "s", Group(), "cpu")
    assert second.iteration == 1
    assert torch.equal(torch.rand(3), drawn)
    second.step(iter([chunks[1]]))
    expected = first.model.state_dict()
    assert all(torch.equal(t, expected[n]) for n, t in second.model.state_dict().items())


def test_channels_last_only_where_torch_s_kernels_are_sound():
    """A stem of 4 channels on 127 pixels killed the process with channels innermost."""
    cpu = torch.device("cpu")
    assert runs_channels_last(load_params("demo"), cpu)
    assert not runs_channels_last(load_params("demo", ["model.stem_channels=4"]), cpu)
    assert not runs_channels_last(load_params("smoke"), cpu)
    assert not runs_channels_last(load_params("paper"), torch.device("cuda"))
