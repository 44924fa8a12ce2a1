"""What docs/how-to/cluster.md tells users to type, and what is refused before Slurm is asked."""

import re
import shlex

import pytest

from cornernet.errors import BadInput
from cornernet.pipeline.engines.cluster import check_slurm, cluster_of
from workflow.clone import REPOSITORY, clone_to, ok, run

ROW = re.compile(r"^\| ([^|]+) \| `snakemake ([^`]+)` \|", re.MULTILINE)
TYPED = dict(ROW.findall((REPOSITORY / "docs/how-to/cluster.md").read_text()))
# What the command of each training must hold.
EXPECTED = {
    "2 nodes of 8 GPUs": "srun --nodes=2 .* --gpus-per-node=5 .*--devices 10 ",
    "nodes of 8 GPUs": "srun --nodes=1 .* --gpus-per-node=5 .*--devices 5 ",
    "1 node of 4": "srun --nodes=1 .* --gpus-per-node=4 .*--devices 4 ",
    "ten jobs of 1 GPU": "srun --nodes=1 .* --gpus-per-node=1 .*--devices 1 ",
    "1 machine with 4, no Slurm": "cornernet train .*--devices 4 ",
    "1 machine with 8, no Slurm": "cornernet train .*--devices 5 ",
}
CONFIG = {
    "profile": "paper",
    "account": "",
    "partition": "",
    "nodes": 1,
    "gpus_per_node": 4,
    "cpus_per_gpu": 8,
    "runtime": 1440,
    "save_seconds": 300,
}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return clone_to(tmp_path_factory.mktemp("cluster"))


@pytest.mark.slow
@pytest.mark.parametrize("have", EXPECTED)
def test_what_the_page_says_to_type(untouched, have):
    said = ok(run(untouched, "snakemake", *shlex.split(TYPED[have]), "-n", "-p"))
    trainings = [line for line in said.splitlines() if "cornernet train " in line]
    assert len(trainings) == (10 if have == "ten jobs of 1 GPU" else 5)
    assert all(re.search(EXPECTED[have], line) for line in trainings), trainings[0]


def test_every_line_of_the_page_is_tried():
    assert TYPED.keys() == EXPECTED.keys()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gpu_per_node": 2}, "no such setting; did you mean 'gpus_per_node'?"),
        ({"nodes": 0}, "nodes: must be a whole number above 0, not 0"),
        ({"runtime": "a day"}, "runtime: "),
    ],
)
def test_a_wrong_setting_is_named(changed, said):
    with pytest.raises(BadInput, match=re.escape(said)):
        cluster_of(CONFIG | changed)


def test_without_the_profile_a_setting_of_a_cluster_is_refused():
    assert cluster_of({"profile": "demo"}) is None
    with pytest.raises(BadInput, match="--workflow-profile workflow/profiles/slurm"):
        cluster_of({"profile": "demo", "nodes": 2})


@pytest.fixture
def slurm_that_says(tmp_path, monkeypatch):
    """Programs in the place of Slurm's, that print this partition table and these settings."""

    def make(partitions, settings):
        for name, text in (("sinfo", partitions), ("scontrol", settings)):
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{text}'\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return make


LIMITS = "gpu* 2-12:30:00\nshort 30:00\nlong infinite"


@pytest.mark.parametrize(("name", "most"), [("", 3630), ("gpu", 3630), ("short", 30)])
def test_a_runtime_above_the_partition_s_limit_is_refused(slurm_that_says, name, most):
    slurm_that_says(LIMITS, "MinJobAge = 300 sec")
    cluster = cluster_of(CONFIG | {"partition": name})
    check_slurm(cluster, {"train": most, "predict": 1}, pytest.fail)
    with pytest.raises(BadInput, match=rf"after {most} minutes.*train \({most + 1}\);.*=?{most}"):
        check_slurm(cluster, {"train": most + 1, "predict": 1}, pytest.fail)


def test_a_partition_without_a_limit_and_one_that_is_not_there(slurm_that_says):
    slurm_that_says(LIMITS, "MinJobAge = 300 sec")
    check_slurm(cluster_of(CONFIG | {"partition": "long"}), {"train": 10**6}, pytest.fail)
    with pytest.raises(BadInput, match="no partition 'logn'"):
        check_slurm(cluster_of(CONFIG | {"partition": "logn"}), {"train": 1}, pytest.fail)


@pytest.mark.parametrize(
    ("storage", "advice"),
    [("none", "ask for MinJobAge=300"), ("slurmdbd", "status-command: sacct")],
)
def test_a_slurm_that_forgets_jobs_too_soon_is_pointed_out(slurm_that_says, storage, advice):
    slurm_that_says(
        LIMITS, f"AccountingStorageType = accounting_storage/{storage}\nMinJobAge = 20 sec"
    )
    lines = []
    check_slurm(cluster_of(CONFIG), {"train": 1}, lines.append)
    assert len(lines) == 1
    assert advice in lines[0]
