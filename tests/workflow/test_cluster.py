"""What docs/how-to/cluster.md tells users to type, and what is refused before Slurm is asked."""

import re
import shlex

import pytest

from cornernet.errors import BadInput
from cornernet.pipeline.engines.cluster import check_slurm, cluster_of
from workflow.clone import REPOSITORY, clone_to, ok, run

ROW = re.compile(r"^\| ([^|]+) \| `snakemake ([^`]+)` \|", re.MULTILINE)
TYPED = dict(ROW.findall((REPOSITORY / "docs/how-to/cluster.md").read_text()))
LONG = pytest.mark.long
EXPECTED = [  # what the command of each training must hold
    ("2 nodes of 8 GPUs", "srun --nodes=2 .* --gpus-per-node=5 .*--devices 10 "),
    pytest.param("nodes of 8 GPUs", "srun --nodes=1 .*-per-node=5 .*--devices 5 ", marks=LONG),
    pytest.param("1 node of 4", "srun --nodes=1 .*-per-node=4 .*--devices 4 ", marks=LONG),
    pytest.param("ten jobs of 1 GPU", "srun --nodes=1 .*-per-node=1 .*--devices 1 ", marks=LONG),
    ("1 machine with 4, no Slurm", "cornernet train .*--devices 4 "),
    pytest.param("1 machine with 8, no Slurm", "cornernet train .*--devices 5 ", marks=LONG),
]
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


@pytest.mark.slow
@pytest.mark.parametrize(("have", "expected"), EXPECTED)
def test_what_the_page_says_to_type(have, expected, tmp_path):
    assert len(TYPED) == len(EXPECTED)
    said = ok(run(clone_to(tmp_path), "snakemake", *shlex.split(TYPED[have]), "-n", "-p"))
    trainings = [line for line in said.splitlines() if "cornernet train " in line]
    assert len(trainings) == (10 if have == "ten jobs of 1 GPU" else 5)
    assert all(re.search(expected, line) for line in trainings), trainings[0]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (CONFIG | {"gpu_per_node": 2}, "no such setting; did you mean 'gpus_per_node'?"),
        (
            CONFIG | {"nodes": 0},
            "nodes: Input should be greater than 0; it is set by workflow/profiles/slurm/cluster.yaml",
        ),
        (CONFIG | {"runtime": "a day"}, "runtime: Input should be a valid integer"),
        ({"profile": "demo", "nodes": 2}, "--workflow-profile workflow/profiles/slurm"),
    ],
)
def test_a_wrong_setting_is_named(config, said):
    with pytest.raises(BadInput, match=re.escape(said)):
        cluster_of(config)
    assert cluster_of({"profile": "demo"}) is None


@pytest.fixture
def lines_of(tmp_path, monkeypatch):
    """What check_slurm reports, on a Slurm whose programs print a partition table and settings."""

    def check(partition, minutes, settings="MinJobAge = 300 sec"):
        for name, text in (("sinfo", LIMITS), ("scontrol", settings)):
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{text}'\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        cluster, lines = cluster_of(CONFIG | {"partition": partition}), []
        check_slurm(cluster, {"train": minutes, "predict": 1}, lines.append)
        return lines

    return check


LIMITS = "gpu* 2-12:30:00\nshort 30:00\nlong infinite"


@pytest.mark.parametrize(("name", "most"), [("", 3630), ("gpu", 3630), ("short", 30)])
def test_a_runtime_above_the_partition_s_limit_is_refused(lines_of, name, most):
    assert lines_of(name, most) == lines_of("long", 10**6) == []
    with pytest.raises(BadInput, match=rf"after {most} minutes.*train \({most + 1}\);.*=?{most}"):
        lines_of(name, most + 1)
    with pytest.raises(BadInput, match="no partition 'logn'"):
        lines_of("logn", 1)


@pytest.mark.parametrize(
    ("storage", "advice"),
    [("none", "ask for MinJobAge=300"), ("slurmdbd", "status-command: sacct")],
)
def test_a_slurm_that_forgets_jobs_too_soon_is_pointed_out(lines_of, storage, advice):
    settings = f"AccountingStorageType = accounting_storage/{storage}\nMinJobAge = 20 sec"
    (line,) = lines_of("", 1, settings)
    assert advice in line
