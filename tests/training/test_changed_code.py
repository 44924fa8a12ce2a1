"""Code changed while a model trains, or after: what goes on, what starts anew, what is recorded."""

import pytest
from training.tiny import Killed, acting_at, kill, tiny_files, tiny_params, train_tiny

from cornernet.errors import BadInput
from cornernet.training.recorder import Recorder
from cornernet.training.state import load_state

OLD = {"cornernet.model.losses": "1" * 64, "cornernet.model.network": "2" * 64}
NEW = {**OLD, "cornernet.model.losses": "3" * 64}


def span(start, end, code):
    return {"from": start, "to": end, "code": code}


@pytest.fixture
def trained(data, tmp_path):
    """Trains in a folder of its own with the given code; iterations 4, 8 and 12 are saved."""
    params = tiny_params(data)

    def trained(code, **more):
        return train_tiny(tmp_path, params, fingerprint=fingerprint(code), **more)

    trained.folder = tmp_path / "checkpoints"
    trained.state = tiny_files(tmp_path).state
    return trained


def fingerprint(code):
    return {"params": {}, "code": code}


def killed(trained, code, kill_at, **more):
    with pytest.raises(Killed), acting_at(kill_at, kill):
        trained(code, **more)


def test_a_training_under_way_goes_on_and_records_which_code_made_what(trained, capsys):
    killed(trained, OLD, 6)
    killed(trained, OLD, 6)  # once more with the same code: one span
    capsys.readouterr()
    result = trained(NEW)
    assert result.started_from == 4
    assert result.code_spans == [span(0, 4, OLD), span(4, 12, NEW)]
    assert load_state(trained.state).code_spans == result.code_spans
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "changed since" in line]
    assert "cornernet.model.losses changed since iteration 4: goes on" in line
    assert "--fresh" in line
    assert "network" not in line
    again = trained(NEW)  # finished: the results are written again
    assert (again.started_from, again.code_spans) == (12, result.code_spans)


def test_a_finished_training_whose_code_changed_starts_anew(trained, capsys):
    """Else the weights of the old code would pass for those of the new."""
    trained(OLD)
    capsys.readouterr()
    killed(trained, NEW, 6)
    said = capsys.readouterr().err
    assert "was finished, then cornernet.model.losses changed: set aside in" in said
    assert (trained.folder / "set-aside-1" / "iteration-00000012.pt").is_file()
    result = trained(OLD)  # and this one is under way
    assert result.code_spans == [span(0, 4, NEW), span(4, 12, OLD)]


def test_a_kill_between_the_last_checkpoint_and_the_results_is_no_end(trained, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "_write_results", lambda recorder: kill())
        killed(trained, OLD, None)
    result = trained(NEW)
    assert result.started_from == 12
    assert result.code_spans == [span(0, 12, OLD)]


def test_an_explicit_checkpoint_of_other_code_is_gone_on_from(trained, capsys):
    """One of a training that is finished, too; from then on it is under way."""
    killed(trained, OLD, 9)
    checkpoint = trained.folder / "iteration-00000004.pt"
    kept = checkpoint.rename(trained.folder / "kept.pt")
    trained(OLD)
    capsys.readouterr()
    killed(trained, NEW, 9, resume=kept)
    assert "losses changed since iteration 4: goes on" in capsys.readouterr().err
    result = trained(OLD)
    assert result.code_spans == [span(0, 4, OLD), span(4, 8, NEW), span(8, 12, OLD)]


def test_fresh_sets_everything_aside(trained, capsys):
    killed(trained, OLD, 6)
    result = trained(OLD, fresh=True)
    assert (result.started_from, result.code_spans) == (0, [span(0, 12, OLD)])
    assert "--fresh: set aside in" in capsys.readouterr().err
    aside = trained.folder / "set-aside-1"
    names = ["history.csv", "iteration-00000004.pt", "run.json", "validation.csv"]
    assert sorted(path.name for path in aside.iterdir()) == names
    with pytest.raises(BadInput, match="--fresh and --resume exclude each other"):
        trained(OLD, fresh=True, resume=aside / "iteration-00000004.pt")
