"""The machines of a job, as Slurm or torchrun's variables describe them."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from cornernet.errors import BadInput

LOOPBACK = "127.0.0.1"
FIRST_PORT, PORTS = 12000, 20000  # below the ports that systems give to outgoing connections


@dataclass(frozen=True)
class Nodes:
    """The machines, as one of them sees them; node 0 listens on `address` and `port`."""

    count: int = 1
    rank: int = 0
    address: str = LOOPBACK
    port: int = 0  # any that is free

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise BadInput(f"node {self.rank} of {self.count}: nodes are counted from 0")

    def share(self, whole: int) -> int:
        """This node's part of a number that is divided over all, the first ones having more."""
        return whole // self.count + (self.rank < whole % self.count)


def this_node(environment: Mapping[str, str]) -> Nodes:
    """Where this process runs: one node, if no variables say otherwise.

    `srun --nodes=N --ntasks-per-node=1` makes one process per node. Without Slurm, PET_NNODES and
    PET_NODE_RANK say so, as they do for torchrun. MASTER_ADDR and MASTER_PORT, needed then, take
    precedence with Slurm, too. Raises BadInput where variables are missing or do not fit together.
    """
    slurm = environment.get("SLURM_STEP_NUM_NODES", "1")
    count = environment.get("PET_NNODES", slurm)
    if count == "1":
        return Nodes()
    if "PET_NNODES" not in environment:
        return _slurm_node(environment)
    names = ("PET_NNODES", "PET_NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if name not in environment]:
        raise BadInput(f"PET_NNODES is {count}: set {', '.join(missing)} as well, or none of them")
    total, rank, port = (_number(environment, name) for name in (*names[:2], names[3]))
    return Nodes(total, rank, environment["MASTER_ADDR"], port)


def _slurm_node(environment: Mapping[str, str]) -> Nodes:
    """A task of a Slurm step over several nodes."""
    count, rank = (_number(environment, f"SLURM_{name}") for name in ("STEP_NUM_NODES", "NODEID"))
    if environment.get("SLURM_STEP_NUM_TASKS") != str(count):
        raise BadInput(f"{count} nodes with one process on each: srun --ntasks-per-node=1")
    address = environment.get("MASTER_ADDR") or _first_host(environment["SLURM_STEP_NODELIST"])
    if "MASTER_PORT" in environment:
        return Nodes(count, rank, address, _number(environment, "MASTER_PORT"))
    job, step = (_number(environment, name) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    return Nodes(count, rank, address, FIRST_PORT + (31 * job + step) % PORTS)


def _first_host(names: str) -> str:
    """The first of the hosts that Slurm writes like node[1-2]."""
    command = ["scontrol", "show", "hostnames", names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadInput(
            f"`{' '.join(command)}` does not work here: set MASTER_ADDR to the first node's address"
        ) from error
    return done.stdout.split()[0]


def _number(environment: Mapping[str, str], name: str) -> int:
    value = environment.get(name, "")
    if not value.isdecimal():
        raise BadInput(f"{name}: must be a whole number, not {value!r}")
    return int(value)
