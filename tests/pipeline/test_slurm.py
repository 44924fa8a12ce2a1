"""What a training tells Slurm, and the retries of its job, when it ends early."""

import signal

import pytest

from cornernet.errors import BadInput
from cornernet.pipeline.paths import Trained
from cornernet.pipeline.slurm import job_of_slurm
from cornernet.training.job import Interrupted, NonFinite, TrainingFailed

TRAINED = Trained("baseline", 0)


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Runs the end of a training as a job; Slurm's programs say `state` and note their words."""
    programs, folder = tmp_path / "programs", tmp_path / "checkpoints"
    programs.mkdir()
    for name in ("scontrol", "squeue"):
        script = f'#!/bin/sh\necho {name} "$@" >> {programs}/asked\necho "$STATE"\n'
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")

    def run(number, call, error=None, state="RUNNING", task="0"):
        monkeypatch.setenv("SLURM_JOB_ID", str(number))
        monkeypatch.setenv("SLURM_PROCID", task)
        monkeypatch.delenv("CORNERNET_INVOCATION", raising=False)
        if call is not None:
            monkeypatch.setenv("CORNERNET_INVOCATION", call)
        monkeypatch.setenv("STATE", state)
        with job_of_slurm(TRAINED, folder):
            if error is not None:
                raise error
        asked = programs / "asked"
        return asked.read_text() if asked.exists() else ""

    return run


CANCELLED = Interrupted(signal.SIGTERM, 5)


@pytest.mark.parametrize(
    "error", [BadInput("images/1.jpg: no image"), NonFinite(["pull"], 3), CANCELLED]
)
def test_what_failed_for_good_is_not_tried_again_by_the_same_call(job, error):
    with pytest.raises(type(error)):
        job(1, "first call", error, state="COMPLETING")
    with pytest.raises(TrainingFailed, match="not tried again after job 1: ") as refused:
        job(2, "first call")
    assert str(error) in str(refused.value)
    job(3, "second call")
    job(4, "first call")  # nothing is remembered of what went well


def test_a_job_that_no_snakemake_submitted_is_a_new_try(job):
    with pytest.raises(BadInput):
        job(1, None, BadInput("images/1.jpg: no image"))
    job(2, None)


@pytest.mark.parametrize(("state", "number"), [("COMPLETING", 1), ("RUNNING", 2)])
def test_a_job_that_slurm_itself_runs_again_goes_on_and_a_step_that_ended_alone(job, state, number):
    with pytest.raises(Interrupted):
        job(1, "call", CANCELLED, state=state)
    job(number, "call")


@pytest.mark.parametrize(("task", "times"), [("0", 1), ("1", 0)])
def test_at_its_time_limit_one_task_puts_the_job_back(job, task, times):
    with pytest.raises(Interrupted):
        job(7, "call", Interrupted(signal.SIGUSR1, 5), task=task)
    assert job(8, "call").count("scontrol requeue 7\n") == times
