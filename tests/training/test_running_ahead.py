"""A GPU is given work before its results are known: losses are read late, weights stay sound.

Tried on the CPU, with a trainer that runs ahead as one on a GPU does.
"""

import copy

import pytest
import torch
from training.tiny import CATEGORIES, tiny_params

from cornernet.training.errors import NonFinite
from cornernet.training.loss_terms import LossTermsReader
from cornernet.training.processes import Processes
from cornernet.training.signals import StopRequest
from cornernet.training.trainer import Trainer


@pytest.fixture(scope="module")
def params(data):
    return tiny_params(data, "train.chunks=[2, 1]", "train.iterations=7", "train.log_every=3")


def new_trainer(params, ahead):
    trainer = Trainer(params, CATEGORIES, 0, None, Processes(), "cpu")
    trainer.runs_ahead = ahead
    if ahead:
        trainer.optimizer.found_inf = trainer.terms.broken
    return trainer


def spoiled(chunk):
    """The chunk with an offset that makes its loss infinite."""
    result = copy.deepcopy(chunk)
    result.tl_offset.fill_(torch.inf)
    result.mask.fill_(True)
    return result


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.named_parameters()}


def test_terms_come_one_iteration_late_and_all_when_a_row_is_due(params, chunks):
    on_time, late = new_trainer(params, False), new_trainer(params, True)
    expected, found, counts = [], [], []
    for one in chunks:
        expected.append(on_time.step(iter([one]), StopRequest())[0])
        terms, _ = late.step(iter([one]), StopRequest())
        found.append(terms)
        counts.append(len(terms))
    # A row each third iteration, a checkpoint each fourth, and the last is the seventh.
    assert counts == [0, 1, 2, 1, 0, 2, 1]
    assert torch.equal(torch.cat(found), torch.cat(expected))
    assert all(torch.equal(weights(late)[n], w) for n, w in weights(on_time).items())


def test_a_stop_waits_for_the_last_terms(params, chunks):
    trainer, request = new_trainer(params, True), StopRequest()
    request.number = 15
    terms, stop = trainer.step(iter([chunks[0]]), request)
    assert stop
    assert len(terms) == 1


def test_weights_stay_as_before_an_infinite_loss_that_is_seen_late(params, chunks):
    trainer = new_trainer(params, True)
    trainer.step(iter([chunks[0]]), StopRequest())
    before = weights(trainer)
    moments = trainer.optimizer.state_dict()["state"][0]
    steps, average = moments["step"].clone(), moments["exp_avg"].clone()
    broken = {number: spoiled(chunk) for number, chunk in chunks[1].items()}
    trainer.step(iter([broken]), StopRequest())  # launched, not looked at
    with pytest.raises(NonFinite, match="iteration 2: not finite: offset") as caught:
        trainer.step(iter([chunks[2]]), StopRequest())  # finite, but comes after
    assert caught.value.iteration == 2
    assert all(torch.equal(before[name], w) for name, w in weights(trainer).items())
    assert torch.equal(moments["step"], steps)
    assert torch.equal(moments["exp_avg"], average)


def test_reading_stops_at_the_first_that_is_not_finite():
    reader = LossTermsReader(torch.device("cpu"))
    fine, bad = torch.ones(6, dtype=torch.float64), torch.ones(6, dtype=torch.float64)
    bad[3] = torch.nan
    for iteration, terms in enumerate((fine, bad, fine), start=1):
        reader.add(iteration, terms)
    assert float(reader.broken) == 1
    with pytest.raises(NonFinite, match=r"iteration 2: not finite: pull"):
        reader.read()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_takes_the_steps_of_the_cpu(params, chunks):
    found = []
    for device in ("cpu", "cuda"):
        trainer = Trainer(params, CATEGORIES, 0, None, Processes(), device)
        terms = [trainer.step(iter([one]), StopRequest())[0] for one in chunks[:3]]
        found.append(torch.cat(terms))
    torch.testing.assert_close(found[1], found[0], rtol=0.02, atol=0.02)
