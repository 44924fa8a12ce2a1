"""workflow/profiles/slurm, as shipped, on a real Slurm of two nodes: what ends jobs, and what then."""

import filecmp
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from workflow.clone import REPOSITORY, environment_of, ok, run
from workflow.slurm.commands import job_field, slurm, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.usefixtures("two_nodes")]

PROFILE = ("--workflow-profile", "workflow/profiles/slurm")
# Asked more often than users would, so that tests wait less.
OFTEN = ("--slurm-init-seconds-before-status-checks", "2")
WEIGHTS = "data/smoke/models/baseline-s0.safetensors"
LOG = "data/smoke/logs/train-baseline-s0.log"
MODELS = ("data/smoke/models", "data/smoke/checkpoints", "data/smoke/detections")
CHECKPOINTS = "data/smoke/checkpoints/baseline-s0"
STOPPED = r"stopped by SIGTERM after iteration (\d+)"
ALONE = ("train", "--profile", "smoke", "--devices", "2")
# Ten chunks as in the paper, and long enough to be stopped in between.
LONG = (
    "train.chunks=[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]",
    "train.iterations=60",
    "train.checkpoint_every=10",
    "train.validate.every=1000",
)


@pytest.fixture
def copy_of(made_once, tmp_path):
    """Makes copies of the clone in which all was run: its data set, ready to be trained on."""

    def copy(name):
        folder = shutil.copytree(made_once, tmp_path / name, symlinks=True)
        (folder / "dvc.lock").unlink()
        for made in (".dvc/cache", "reports/smoke", *MODELS):
            shutil.rmtree(folder / made)
        return folder

    return copy


def by_slurm(folder, *words, config=()):
    """The command that a user types, and the environment of its machine's only address."""
    command = [sys.executable, "-m", "snakemake", *PROFILE, *OFTEN, *words]
    command += ["--config", "profile=smoke", "gpus_per_node=1", "cpus_per_gpu=2", *config]
    return {
        "args": command,
        "cwd": folder,
        "env": environment_of(folder) | {"MASTER_ADDR": "127.0.0.1"},
    }


@contextmanager
def started(command, folder):
    """A command that is under way; its output is left in a file."""
    with (folder / "said.txt").open("a") as said:
        process = subprocess.Popen(**command, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()  # its jobs are cancelled with Slurm itself
        process.wait()


def test_smoke_runs_to_its_end_with_the_results_of_a_local_run(made_once, copy_of):
    here, there = made_once, copy_of("there")
    said = ok(subprocess.run(**by_slurm(there), capture_output=True, text=True))
    assert re.search(r"\[(\d+)/\1\] report", said)
    assert max(map(len, said.splitlines())) < 300  # a job is a line, without its reasons
    results = [
        path.relative_to(here)
        for pattern in ("data/smoke/models/*.safetensors", "data/smoke/detections/*.json",
                        "reports/smoke/metrics/*.json", "reports/smoke/*.csv")
        for path in here.glob(pattern)
        if not path.name.endswith(".provenance.json")
    ]  # fmt: skip
    assert len(results) > 6
    assert filecmp.cmpfiles(here, there, results, shallow=False)[1:] == ([], [])


class Training:
    """The job of the one training that is under way, as Slurm sees it."""

    def __init__(self, folder, process):
        self.folder, self.process, self.restarts = folder, process, 0

    @property
    def job(self):
        """Its number, once it runs."""
        until(lambda: self.process.poll() is None and slurm("squeue", "-h", "-tR", "-o%i"), 900)
        return slurm("squeue", "-h", "-tR", "-o%i")

    def newest(self):
        """The iteration of the newest checkpoint."""
        found = (self.folder / CHECKPOINTS).glob("iteration-*.pt")
        return max((int(path.stem.partition("-")[2]) for path in found), default=0)

    def goes_on(self, since):
        """Wait until more iterations are done than `since`, and saved."""
        until(lambda: self.newest() > since and self.process.poll() is None, 900)

    def runs_again(self, job):
        """Wait until Slurm has run a job anew."""
        self.restarts += 1
        until(lambda: job_field(job, "Restarts") == str(self.restarts), 300)
        # Slurm waits for two minutes before it does; nobody else needs the nodes here.
        slurm("scontrol", "update", f"JobId={job}", "StartTime=now")
        until(lambda: job_field(job, "JobState") == "RUNNING", 300)


def scancelled(training, job):
    """Saved when it was told to stop, and not tried again."""
    done = training.newest()
    slurm("scancel", job)
    assert training.process.wait(600) != 0
    said = re.findall(STOPPED, (training.folder / "said.txt").read_text())
    assert int(said[0]) == training.newest() >= done


def near_its_limit(training, job):
    """Its end is near at once: a signal comes five minutes before it.

    Slurm looks every half minute; the training is held until then, or it might have ended.
    """
    slurm("scancel", "--signal=STOP", f"{job}.0")
    slurm("scontrol", "update", f"JobId={job}", "TimeLimit=5")
    time.sleep(65)
    slurm("scancel", "--signal=CONT", f"{job}.0")
    training.runs_again(job)
    slurm("scontrol", "update", f"JobId={job}", "TimeLimit=60")


def requeued(training, job):
    slurm("scontrol", "requeue", job)
    training.runs_again(job)


def node_down(training, job):
    slurm("scontrol", "update", "NodeName=node2", "State=DOWN", "Reason=test")
    slurm("scontrol", "update", "NodeName=node2", "State=RESUME")
    training.runs_again(job)


def step_killed(training, job):
    slurm("scancel", "--signal=KILL", f"{job}.0")


ENDS = (requeued, node_down, step_killed)


@pytest.mark.parametrize(
    "calls",
    [[[near_its_limit]], pytest.param([[scancelled], ENDS], marks=pytest.mark.long)],
    ids=["time limit", "the rest"],
)
def test_a_training_over_two_nodes_survives_whatever_ends_its_job(copy_of, calls):
    """The same command each time, weights as of an undisturbed training on one node."""
    undisturbed, folder = copy_of("undisturbed"), copy_of("disturbed")
    overrides = [word for text in LONG for word in ("--set", text)]
    ok(run(undisturbed, "cornernet", *ALONE, *overrides))
    settings = ["nodes=2", f"set={[*LONG]}"]
    command = by_slurm(folder, WEIGHTS, "--set-resources", "train:runtime=60", config=settings)
    for ends in calls:
        with started(command, folder) as process:
            training = Training(folder, process)
            for end in ends:
                training.goes_on(training.newest())
                job = training.job
                # What the command line changes leaves the other resources as they are.
                assert job_field(job, "TimeLimit") == "01:00:00"
                assert job_field(job, "NumNodes") == "2"
                assert "gpu:1" in job_field(job, "TresPerNode")
                end(training, job)
            assert process.wait(900) == 0 or end is scancelled
    assert (folder / WEIGHTS).read_bytes() == (undisturbed / WEIGHTS).read_bytes()


@pytest.mark.long
def test_a_loss_that_is_not_finite_is_not_trained_again(copy_of):
    folder = copy_of("failing")
    command = by_slurm(folder, WEIGHTS, config=["set=train.learning_rate=1e30"])
    assert subprocess.run(**command, capture_output=True).returncode != 0
    log = (folder / LOG).read_text()
    assert "not tried again after job" in log
    assert "not finite" in log


LEASE = """
import os, time
from pathlib import Path
from cornernet.pipeline.gpu_lease import leased_gpus
mine = "GPU-" + os.environ["SLURM_JOB_GPUS"]  # what CUDA would call the job's own number 0
with leased_gpus(1, print, gpus=[mine]) as held:
    Path(held[0]).touch()
    while len(list(Path().glob("GPU-*"))) < 2:
        time.sleep(0.1)
"""


def test_jobs_with_gpus_of_their_own_do_not_wait_for_each_other(tmp_path):
    (tmp_path / "lease.py").write_text(LEASE)
    words = f"sbatch --parsable --chdir={tmp_path} --gpus=1 --mem=100 --nodelist=node1".split()
    words += [f"--wrap=PYTHONPATH={REPOSITORY / 'src'} {sys.executable} lease.py"]
    jobs = [slurm(*words), slurm(*words)]
    for job in jobs:
        until(lambda job=job: job_field(job, "JobState") == "COMPLETED", 300)
    assert len(list(tmp_path.glob("GPU-*"))) == 2
