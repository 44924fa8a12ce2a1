"""Which machines a process works with, as variables say."""

import pytest

from cornernet.errors import BadInput
from cornernet.processes.nodes import FIRST_PORT, PORTS, Nodes, this_node

SLURM = {
    "SLURM_NNODES": "3",
    "SLURM_STEP_NUM_NODES": "3",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_NODEID": "2",
    "SLURM_STEP_NODELIST": "gpu[1-3]",
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
}


def test_one_node_unless_variables_say_otherwise_and_shares_of_several():
    assert this_node({}) == Nodes()
    assert this_node({"SLURM_NNODES": "2"}) == Nodes()  # a job's script, on its first node
    assert this_node({**SLURM, "SLURM_STEP_NUM_NODES": "1"}) == Nodes()
    assert [Nodes(3, rank).share(10) for rank in range(3)] == [4, 3, 3]


def test_a_slurm_step_over_several_nodes(tmp_path, monkeypatch):
    """The first node's name by scontrol, the same port on all nodes, and ours where it is set."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(
        '#!/bin/sh\n[ "$*" = "show hostnames gpu[1-3]" ] && printf "gpu1\\ngpu2\\n"'
    )
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    node = this_node(SLURM)
    assert (node.count, node.rank, node.address) == (3, 2, "gpu1")
    assert node == this_node(SLURM)
    assert node.port in range(FIRST_PORT, FIRST_PORT + PORTS)
    assert this_node({**SLURM, "SLURM_JOB_ID": "4712"}).port != node.port
    named = this_node({**SLURM, "MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "99"})
    assert (named.address, named.port) == ("10.0.0.7", 99)
    with pytest.raises(BadInput, match="MASTER_PORT: must be a whole number, not 'x'"):
        this_node({**SLURM, "MASTER_PORT": "x"})
    with pytest.raises(BadInput, match="one process on each: srun --ntasks-per-node=1"):
        this_node({**SLURM, "SLURM_STEP_NUM_TASKS": "6"})
    scontrol.write_text("#!/bin/sh\nexit 1")
    with pytest.raises(BadInput, match="set MASTER_ADDR to the first node's address"):
        this_node(SLURM)
