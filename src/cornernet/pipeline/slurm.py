"""A training as a job of Slurm: run again after its time limit, and not after a final failure."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cornernet.errors import BadInput
from cornernet.files import write_json
from cornernet.pipeline.paths import Trained
from cornernet.pipeline.provenance import INVOCATION
from cornernet.progress import say
from cornernet.training.job import Interrupted, NonFinite, TrainingFailed

JOB = "SLURM_JOB_ID"
LAST_WORD = "failed_for_good.json"


@contextmanager
def job_of_slurm(trained: Trained, folder: Path) -> Iterator[None]:
    """What a training tells Slurm, and its own retries, when it ends early.

    Stopped by SIGUSR1, which is how Slurm announces the time limit, the job is put back into the
    queue. After `scancel`, bad input or a loss that is not finite another try would be in vain,
    and Snakemake cannot know: a file in `folder` says so, and a retry of the same call of
    Snakemake raises TrainingFailed at once. Outside Slurm nothing of this happens.
    """
    job = os.environ.get(JOB)
    if job is None:
        yield
        return
    last_word = folder / LAST_WORD
    _refuse_retry(last_word, job)
    try:
        yield
    except (BadInput, NonFinite, Interrupted) as error:
        if os.environ.get("SLURM_PROCID", "0") == "0":  # of the tasks, one per node
            if isinstance(error, Interrupted) and error.signal == signal.SIGUSR1:
                say(f"{trained}: {_requeued(job)}")
            elif not isinstance(error, Interrupted) or _is_cancelled(job):
                call = os.environ.get(INVOCATION)
                write_json(last_word, {"call": call, "job": job, "said": str(error)})
        raise


def _requeued(job: str) -> str:
    """Put a job back into the queue; returns what came of it, in words."""
    done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True)
    if done.returncode == 0:
        return f"the time limit of job {job} is near: Slurm runs it again"
    return f"`scontrol requeue {job}` failed: {done.stderr.strip()}"


def _refuse_retry(last_word: Path, job: str) -> None:
    """Raise TrainingFailed if an earlier job of this call of Snakemake failed for good.

    The same job, which Slurm runs again, may go on.
    """
    try:
        before = json.loads(last_word.read_text())
    except FileNotFoundError:
        return
    call = os.environ.get(INVOCATION)  # None: by hand or by DVC, which retry nothing
    if call is not None and before["call"] == call and before["job"] != job:
        raise TrainingFailed(f"not tried again after job {before['job']}: {before['said']}")
    last_word.unlink(missing_ok=True)


def _is_cancelled(job: str) -> bool:
    """Whether all of the job was told to end, and not just one step of it."""
    state = subprocess.run(
        ["squeue", "--noheader", "--format=%T", f"--jobs={job}"], capture_output=True, text=True
    )
    return state.stdout.strip() != "RUNNING"
