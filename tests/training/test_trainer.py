"""A trainer on a GPU as on a CPU, in each precision, with the settings of its training."""

from dataclasses import replace

import pytest
import torch
from training.tiny import CATEGORIES, chunks_of, tiny_params

from cornernet.training.group import Group
from cornernet.training.trainer import Trainer, training_settings


@pytest.fixture(scope="module")
def params(data):
    schedule = ("train.iterations=7", "train.learning_rate_drops=[]", "train.log_every=3")
    return tiny_params(data, "train.chunks=[2, 1]", *schedule)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_takes_the_steps_of_the_cpu(params, chunks):
    found = []
    for device in ("cpu", "cuda"):
        trainer = Trainer(params, CATEGORIES, 0, None, Group(), device)
        found.append(torch.stack([trainer.step(iter([one]))[0] for one in chunks[:3]]))
    torch.testing.assert_close(found[1], found[0], rtol=0.02, atol=0.02)


@pytest.fixture(scope="module")
def wide(data):
    sizes = ("model.dims=[16, 16]", "model.stem_channels=16", "model.pool_channels=16")
    more = ("augmentation.input_size=63", "augmentation.crop_border=16", "train.chunks=[3, 3]")
    return tiny_params(data, *sizes, *more)


def trained(params, chunks, precision):
    params = replace(params, train=replace(params.train, precision=precision))
    trainer = Trainer(params, CATEGORIES, 0, None, Group(), "cpu")
    rows, norms, computed_in = [], [], set()
    trainer.model.register_forward_hook(lambda _, i, out: computed_in.add(out[0].tl_heat.dtype))
    for one in chunks:
        rows.append(trainer.step(iter([one]))[0])
        norms.append(float(trainer.gradients.norm()))
    assert computed_in == {torch.bfloat16 if precision == "bf16" else torch.float32}
    return trainer, torch.stack(rows), torch.tensor(norms)


@pytest.mark.slow
def test_bf16_follows_fp32(wide):
    params, chunks = wide, chunks_of(wide)
    _, exact, exact_norms = trained(params, chunks, "fp32")
    trainer, lower, norms = trained(params, chunks, "bf16")
    assert not torch.equal(lower, exact)
    # Wide margins: training amplifies rounding, in another way on each processor.
    torch.testing.assert_close(lower[:, 0], exact[:, 0], rtol=0.15, atol=0)
    assert lower[:, 0].mean() == pytest.approx(float(exact[:, 0].mean()), rel=0.05)
    assert norms[0] == pytest.approx(float(exact_norms[0]), rel=0.1)  # of the same weights
    assert norms.mean() == pytest.approx(float(exact_norms.mean()), rel=0.3)
    kept = [*trainer.model.parameters(), *(p.grad for p in trainer.model.parameters())]
    kept += [t for name, t in trainer.model.named_buffers() if "running" in name]
    kept += [s for state in trainer.optimizer.state.values() for s in state.values()]
    kept += trainer.losses(trainer.model, chunks[0][0])
    assert {tensor.dtype for tensor in kept} == {torch.float32}


@pytest.mark.parametrize(
    ("precision", "deterministic", "tf32"),
    [("fp32", True, False), ("tf32", True, True), ("bf16", False, False)],
)
def test_settings_hold_while_training_and_are_put_back(params, precision, deterministic, tf32):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    train = replace(params.train, precision=precision, deterministic=deterministic)
    with training_settings(train):
        assert torch.backends.cudnn.allow_tf32 == tf32
        assert torch.backends.cudnn.benchmark == (not deterministic)
        assert torch.are_deterministic_algorithms_enabled() == deterministic
    assert before == (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark)
