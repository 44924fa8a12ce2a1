"""What jobs ask of Slurm: the values of workflow/profiles/slurm/cluster.yaml."""

import re
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pydantic
from pydantic import PositiveInt

from cornernet.config import Params
from cornernet.config.schema import Model
from cornernet.errors import BadInput, nearest

FILE = "workflow/profiles/slurm/cluster.yaml"
SETTINGS = ("profile", "set", "weights")  # what Snakemake's config has without a cluster
# Memory of the host, in MB: Python, torch and CUDA's libraries in each process of training or
# testing, and a process that makes samples. Rounded up from what `ps` shows.
PROCESS_MB, WORKER_MB = 4000, 1500
# Weights, gradients and Adam's two moments, and the copy of three of them that is a checkpoint.
COPIES_OF_WEIGHTS = 7
# Snakemake asks for the state of its jobs every three minutes at most.
LEAST_JOB_AGE = 200


class Cluster(pydantic.BaseModel, frozen=True, coerce_numbers_to_str=True):
    """The values of cluster.yaml; `runtime` in minutes."""

    account: str
    partition: str
    nodes: PositiveInt
    gpus_per_node: PositiveInt
    cpus_per_gpu: PositiveInt
    runtime: PositiveInt
    save_seconds: PositiveInt

    def resources(self, stage: str, params: Params) -> dict[str, Any]:
        """What a job asks for, in the words of Snakemake's executor for Slurm."""
        account = {"slurm_account": self.account, "slurm_partition": self.partition}
        if stage != "train":
            own: dict[str, Any] = {"nodes": 1, "gpu": 1, "cpus_per_task": self.cpus_per_gpu}
        else:
            own = {
                "nodes": self.nodes,
                "tasks": self.nodes,
                # With this resource the executor leaves `srun` to the rule, so that Slurm's
                # signal reaches the training alone: it would end a Snakemake in the same step.
                # Empty for one node, where the executor would ask for two tasks.
                "mpi": "srun" if self.nodes > 1 else "",
                "cpus_per_task": self.gpus_per_node * self.cpus_per_gpu,
                # As `gpu` they could be spread unevenly over the nodes. USR1 tells the time limit
                # apart from `scancel`, which sends TERM.
                "slurm_extra": f"--gpus-per-node={self.gpus_per_node} "
                f"--signal=USR1@{self.save_seconds}",
            }
        memory = {"mem_mb": lambda wildcards: self._memory(stage, params)}
        return account | {"runtime": self.runtime} | own | memory

    def _memory(self, stage: str, params: Params) -> int:
        """Memory of a node, in MB."""
        weights = _weights_mb(params.model)
        if stage != "train":
            return PROCESS_MB + 2 * weights
        process = PROCESS_MB + COPIES_OF_WEIGHTS * weights
        return self.gpus_per_node * process + params.train.workers * WORKER_MB

    def launched(self, command: str) -> str:
        """The command of a training, started once on each node; a shell command for Snakemake.

        `scancel` sends TERM to all processes of a job. Here it is ignored, so that what the
        training says once its checkpoint is saved still finds `srun`.
        """
        devices = str(self.nodes * self.gpus_per_node)
        return (
            "trap '' TERM; srun --nodes={resources.nodes} --ntasks-per-node=1 "
            "--cpus-per-task={resources.cpus_per_task} "
            f"--gpus-per-node={self.gpus_per_node} "
        ) + command.replace("{resources.gpu}", devices)


@cache
def _weights_mb(model: Model) -> int:
    """The size of the network's weights, for COCO's 80 categories; others hardly change it."""
    from cornernet.model.cost import BYTES, parameter_count  # with torch: on a cluster alone

    return parameter_count(model, 80) * BYTES // 10**6


def cluster_of(config: Mapping[str, Any]) -> Cluster | None:
    """The cluster in Snakemake's config; None without one.

    Raises BadInput for an unknown setting, and for a value that is missing or cannot be used.
    """
    given = {name: value for name, value in config.items() if name not in SETTINGS}
    known = [*SETTINGS, *Cluster.model_fields]
    if unknown := [name for name in given if name not in known]:
        lines = (f"--config {name}=: no such setting{nearest(name, known)}" for name in unknown)
        raise BadInput(lines)
    try:
        return Cluster(**given) if given else None
    except pydantic.ValidationError as error:
        raise BadInput(
            f"{item['loc'][0]}: {item['msg']}; it is set by {FILE} (give --workflow-profile "
            "workflow/profiles/slurm) or by --config"
            for item in error.errors()
        ) from None


def check_slurm(
    cluster: Cluster, runtimes: Mapping[str, int], report: Callable[[str], None]
) -> None:
    """Raise BadInput if a rule's runtime (minutes) is above the partition's limit.

    Slurm would let such a job wait for ever. Reports what else would make Snakemake wait in vain.
    Without Slurm's commands nothing is checked: submitting says that they are missing.
    """
    try:
        partitions = _answer("sinfo", "--noheader", "--format=%P %l").splitlines()
        settings = dict(re.findall(r"(\w+) *= *(\S+)", _answer("scontrol", "show", "config")))
    except (OSError, subprocess.CalledProcessError):
        return
    limits = dict(line.split() for line in partitions)
    default = next((name for name in limits if name.endswith("*")), "")
    name = cluster.partition or default.rstrip("*")
    limit = limits.get(name, limits.get(f"{name}*"))
    if limit is None:
        known = ", ".join(each.rstrip("*") for each in limits)
        raise BadInput(f"{FILE}: partition: this Slurm has no partition {name!r} (it has {known})")
    most = _minutes(limit)
    too_long = [f"{rule} ({asked})" for rule, asked in runtimes.items() if most and asked > most]
    if too_long:
        raise BadInput(
            f"partition {name} ends jobs after {most} minutes, less than asked for: "
            f"{', '.join(too_long)}; write `runtime: {most}` into {FILE}, or type "
            f"--config runtime={most}: a training goes on in its next job"
        )
    age = int(settings.get("MinJobAge", LEAST_JOB_AGE))
    if age < LEAST_JOB_AGE:
        report(
            f"this Slurm forgets a job {age} s after its end (MinJobAge), and Snakemake may wait "
            "for it for ever; "
            + (
                "it has no accounting database either: ask for MinJobAge=300 in slurm.conf"
                if settings.get("AccountingStorageType", "").endswith("none")
                else "write `slurm-status-command: sacct` into workflow/profiles/slurm/config.yaml"
            )
        )


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _minutes(limit: str) -> int:
    """A time limit as Slurm prints it, "2-12:30:00" or "30:00"; 0 for none."""
    if not limit[0].isdigit():
        return 0
    days, _, clock = limit.rpartition("-")
    hours, minutes = ([0, 0] + [int(part) for part in clock.split(":")])[-3:-1]
    return (int(days or 0) * 24 + hours) * 60 + minutes
