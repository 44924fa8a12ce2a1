"""One step on one, two and three processes (gloo, CPU), and what happens when one of them fails."""

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training.tiny import tiny_files, tiny_job, tiny_params, tiny_samples, train_tiny

from cornernet.errors import BadInput
from cornernet.processes.supervision import Heartbeat, StopRequest
from cornernet.training.group import deal_chunks
from cornernet.training.history import read_history
from cornernet.training.job import NonFinite, TrainingFailed
from cornernet.training.loop import run_to_ending
from cornernet.training.start import Start
from cornernet.training.state import load_state


def one_step(data, folder, processes):
    """State and history row after one step of the paper's kind: a smaller first chunk."""
    schedule = ("train.iterations=1", "train.learning_rate_drops=[]", "train.log_every=1")
    params = tiny_params(data, "train.chunks=[4, 5, 5]", *schedule)
    train_tiny(folder, params, processes)
    files = tiny_files(folder)
    return load_state(files.state), read_history(files.history)[0]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.long)])
def test_several_processes_take_the_same_step(data, tmp_path, processes):
    expected, expected_row = one_step(data, tmp_path / "one", 0)
    state, row = one_step(data, tmp_path / "several", processes)
    assert state.model.keys() == expected.model.keys()
    for name, tensor in state.model.items():
        # Adam's first step is the gradient's sign times the rate, 1e-3: rounding of a gradient
        # that is nearly zero moves a weight by no more than that, and the moments tell.
        torch.testing.assert_close(tensor, expected.model[name], rtol=1e-5, atol=1e-5, msg=name)
    for name, moments in state.adam.items():
        for key, tensor in moments.items():
            torch.testing.assert_close(tensor, expected.adam[name][key], rtol=1e-4, atol=1e-7)
    assert any(moments["exp_avg"].abs().max() > 1e-3 for moments in state.adam.values())
    for name, value in expected_row.items():
        if name != "images_per_second":
            assert row[name] == pytest.approx(value, rel=1e-6), name


@pytest.mark.slow
def test_bad_input_in_another_process_is_bad_input_here(data, tmp_path, capfd):
    schedule = ("train.iterations=2", "train.learning_rate_drops=[]")
    params = tiny_params(data, "train.chunks=[1, 8]", *schedule)
    samples = tiny_samples(params)
    first = samples.order(0)[0]  # the one image that the first process needs
    for number, image in enumerate(samples._images):
        link = tmp_path / "images" / image.file_name
        link.parent.mkdir(exist_ok=True)
        if number == samples._used[first]:
            link.symlink_to(data / "images" / image.file_name)
    samples._folder = tmp_path / "images"
    with pytest.raises(BadInput, match=r"images/.*\.png"):
        train_tiny(tmp_path, params, 2, samples=samples)
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "starts again" not in said


def crashes(model):
    raise ZeroDivisionError("of the first member")


@pytest.mark.slow
def test_what_raises_is_one_line_and_one_file(data, tmp_path):
    params = tiny_params(data, "train.validate.every=1", "train.restarts=0")
    words = r"process 0 failed: ZeroDivisionError: of the first .*, and 0 new starts did not help"
    with pytest.raises(TrainingFailed, match=words):
        train_tiny(tmp_path, params, 2, validate=crashes)
    assert "in crashes" in (tmp_path / "checkpoints" / "failure.txt").read_text()


def test_a_loss_that_is_not_finite_is_handed_over_and_ends_all_without_a_new_start(data, tmp_path):
    job = tiny_job(tmp_path, tiny_params(data, "train.learning_rate=1e30"))
    ending = run_to_ending(job, Start(), StopRequest(), 0, 1, Heartbeat(), "cpu")
    with pytest.raises(NonFinite, match=r"iteration \d: not finite"):
        raise pickle.loads(pickle.dumps(ending))


@given(st.integers(1, 40), st.integers(1, 12))
def test_every_chunk_is_dealt_once_in_order_and_evenly(num_chunks, processes):
    if processes > num_chunks:
        with pytest.raises(ValueError, match="cannot be dealt"):
            deal_chunks(num_chunks, processes)
        return
    shares = deal_chunks(num_chunks, processes)
    assert [number for share in shares for number in share] == list(range(num_chunks))
    assert {len(share) for share in shares} <= {
        num_chunks // processes,
        -(-num_chunks // processes),
    }
