"""Whole trainings: an interrupted one ends where an uninterrupted one does, to the bit."""

import copy
import math
import signal

import pytest
import torch
from training.tiny import (
    acting_at,
    tiny_files,
    tiny_params,
    tiny_samples,
    train_tiny,
    train_until_killed,
)

from cornernet.errors import BadInput
from cornernet.training import history
from cornernet.training.history import VALIDATION, read_history
from cornernet.training.job import Interrupted
from cornernet.training.state import load_state


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def params(data):
    return tiny_params(data)


@pytest.fixture(scope="module")
def uninterrupted(root, params):
    train_tiny(root / "uninterrupted", params)
    return tiny_files(root / "uninterrupted")


def losses(path):
    return [{**row, "images_per_second": None} for row in read_history(path)]


def same_bytes(a, b):
    return all(
        getattr(a, n).read_bytes() == getattr(b, n).read_bytes() for n in ("weights", "state")
    )


def assert_same(folder, uninterrupted):
    files = tiny_files(folder)
    assert same_bytes(files, uninterrupted)
    assert losses(files.history) == losses(uninterrupted.history)


def test_results_of_a_whole_training(uninterrupted, params, root):
    state = load_state(uninterrupted.state)
    assert state.iteration == 12
    assert state.run_id is None
    rows = read_history(uninterrupted.history)
    assert [row["iteration"] for row in rows] == [3, 6, 9, 12]
    assert [row["learning_rate"] for row in rows] == [1e-3, 1e-3, 1e-3, 1e-4]
    weights = params.losses
    for row in rows:
        total = row["focal_tl"] + row["focal_br"] + row["offset"]
        total += weights.pull_weight * row["pull"] + weights.push_weight * row["push"]
        assert row["total"] == pytest.approx(total, rel=1e-5)
    kept = sorted(path.name for path in (root / "uninterrupted" / "checkpoints").glob("*.pt"))
    assert kept == ["iteration-00000012.pt"]
    train_tiny(root / "other", params, seed=1)
    assert not same_bytes(tiny_files(root / "other"), uninterrupted)


@pytest.mark.parametrize("last", [3, 6, 9])  # checkpoints at 4 and 8: 2 or 1 iterations are lost
def test_a_killed_training_ends_as_if_nothing_had_happened(tmp_path, params, uninterrupted, last):
    train_until_killed(tmp_path, params, last)
    assert not tiny_files(tmp_path).weights.exists()
    result = train_tiny(tmp_path, params)
    assert result.started_from == last // 4 * 4
    assert_same(tmp_path, uninterrupted)


def test_a_signal_saves_a_checkpoint_first(tmp_path, params, uninterrupted):
    number = signal.SIGUSR1
    before = signal.getsignal(number)
    expected = pytest.raises(Interrupted, match=f"stopped by {number.name} after iteration")
    with expected as caught, acting_at(6, lambda: signal.raise_signal(number)):
        train_tiny(tmp_path, params)
    assert caught.value.signal == number
    assert signal.getsignal(number) is before
    assert caught.value.iteration in (6, 7)  # not one of `checkpoint_every`
    result = train_tiny(tmp_path, params)
    assert result.started_from == caught.value.iteration
    assert_same(tmp_path, uninterrupted)


def test_going_on_from_a_finished_model_is_one_long_training(tmp_path, data, uninterrupted):
    """As full_schedule goes on from the baseline, which has no drops before its end."""
    half = tiny_params(data, "train.iterations=6", "train.learning_rate_drops=[]")
    old, new = ({"code": {"cornernet.model.losses": digit}} for digit in "12")
    train_tiny(tmp_path / "baseline", half, fingerprint=old)
    state = tiny_files(tmp_path / "baseline").state
    full = tiny_params(data)
    result = train_tiny(tmp_path / "full", full, initial_state=state, fingerprint=new)
    assert result.started_from == 6
    spans = [{"from": 0, "to": 6, **old}, {"from": 6, "to": 12, **new}]
    assert result.code_spans == spans
    weights = tiny_files(tmp_path / "full").weights
    assert weights.read_bytes() == uninterrupted.weights.read_bytes()
    rows = losses(tiny_files(tmp_path / "full").history)
    assert rows == losses(uninterrupted.history)[2:]
    with pytest.raises(BadInput, match="has 6 iterations already"):
        train_tiny(tmp_path / "again", half, initial_state=state)
    with pytest.raises(BadInput, match=r"none\.state: missing"):
        train_tiny(tmp_path / "again", full, initial_state=tmp_path / "none.state")


def test_an_explicit_resume_goes_on_from_that_checkpoint_unless_params_differ(
    tmp_path, data, params, uninterrupted, capsys
):
    """Without it, a training with other params sets the checkpoints aside, and starts anew."""
    train_until_killed(tmp_path, params, 9)
    checkpoint = tmp_path / "checkpoints" / "iteration-00000004.pt"
    other = tiny_params(data, "train.learning_rate=0.002")
    with pytest.raises(BadInput, match=r"learning_rate: 0.001 -> 0.002"):
        train_tiny(tmp_path, other, resume=checkpoint)
    capsys.readouterr()
    assert train_tiny(tmp_path, params, resume=checkpoint).started_from == 4
    assert "goes on from iteration 4" in capsys.readouterr().err
    assert_same(tmp_path, uninterrupted)
    assert train_tiny(tmp_path, other).started_from == 0
    assert "learning_rate: 0.001 -> 0.002" in capsys.readouterr().err
    assert (tmp_path / "checkpoints" / "set-aside-2" / "iteration-00000012.pt").is_file()


def test_the_run_id_survives_for_the_same_training_alone(tmp_path, data, params):
    seen = []

    def on_start(iteration, run_id):
        seen.append((iteration, run_id))
        return run_id or f"run-{len(seen)}"

    other = tiny_params(data, "train.learning_rate=0.002")
    train_until_killed(tmp_path, other, 3, on_start=on_start)
    for last in (3, 6):  # before the first checkpoint, and after
        train_until_killed(tmp_path, params, last, on_start=on_start)
    assert train_tiny(tmp_path, params, on_start=on_start).run_id == "run-2"
    assert seen == [(0, None), (0, None), (0, "run-2"), (4, "run-2")]


def test_an_image_that_went_away_is_bad_input(tmp_path, params):
    samples = tiny_samples(params)
    samples._folder = tmp_path / "nowhere"
    with pytest.raises(BadInput, match="nowhere"):
        train_tiny(tmp_path, params, samples=samples)


def score(model):
    """A validation that uses the model as one does, and random numbers."""
    torch.rand(3)
    copy.deepcopy(model).eval()(torch.zeros(1, 3, 31, 31))
    return {"AP": 12.5, "AP50": None}


def test_validation_changes_nothing_and_is_kept_beside_the_history(
    tmp_path, data, uninterrupted, capsys
):
    params = tiny_params(data, "train.validate.every=2")
    train_until_killed(tmp_path, params, 9, validate=score)  # goes back from 8 to 8, ...
    (tmp_path / "checkpoints" / "iteration-00000008.pt").unlink()  # ... or to 4
    train_tiny(tmp_path, params, validate=score)
    assert same_bytes(tiny_files(tmp_path), uninterrupted)
    rows = read_history(tmp_path / "checkpoints" / VALIDATION)
    assert [row["iteration"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert {row["AP"] for row in rows} == {12.5}
    assert all(math.isnan(row["AP50"]) for row in rows)
    assert "tiny: iteration 12: AP 12.5 on 500 images of val" in capsys.readouterr().err


def test_neither_a_validation_that_fails_nor_workers_change_anything(
    tmp_path, data, uninterrupted, capsys
):
    def fails(model):
        raise BadInput("out of memory")

    params = tiny_params(data, "train.validate.every=6", "train.workers=2")
    train_tiny(tmp_path, params, validate=fails)
    assert same_bytes(tiny_files(tmp_path), uninterrupted)
    assert "iteration 6: not validated: out of memory" in capsys.readouterr().err


def test_a_disk_that_cannot_be_written_is_one_line(tmp_path, params, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(history, "flush_to_disk", full)
    with pytest.raises(BadInput, match=r"history.csv: cannot be written \(No space left"):
        train_tiny(tmp_path, params)
