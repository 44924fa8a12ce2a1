"""The workflow before anything runs: Snakemake and DVC list the same commands, and say what is wrong.

What reruns after a change, in both engines, is in test_interchange.py.
"""

from collections import Counter

import pytest
import yaml

from workflow.clone import REPOSITORY, ok, repository_in, run, snakemake
from workflow.graphs import commands_in, dvc_stages, left_to_snakemake

PAPER = {"train": 5, "predict": 9, "corners": 2, "submit": 2, "evaluate": 9}
ONCE = ("download", "prepare", "radii", "tables", "figures", "claims", "report")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone in which nothing has run."""
    return repository_in(tmp_path_factory.mktemp("graphs"), "smoke")


def of_dvc(clone, profile):
    """The commands of dvc.yaml, written for that profile."""
    (clone / "params/profile.yaml").write_text(f"profile: {profile}\n")
    ok(run(clone, "cornernet", "dvc-yaml"))
    return sorted(stage["cmd"] for stage in dvc_stages(clone).values())


def test_the_paper_s_whole_graph_is_listed_by_both(clone):
    theirs = of_dvc(clone, "paper")
    listed = ok(snakemake(clone, "-n", "-p", "--resources", "gpu=10"))
    assert commands_in(listed) == theirs
    assert Counter(command.split()[1] for command in theirs) == PAPER | dict.fromkeys(ONCE, 1)
    assert "--devices 10 " in listed


def test_with_fewer_gpus_a_training_asks_for_those(clone):
    listed = ok(snakemake(clone, "-n", "-p", "--resources", "gpu=2", "--config", "profile=paper"))
    assert "--devices 2 " in listed
    assert "--devices 10 " not in listed


# a profile with borrowed weights, and one with the user's own files
@pytest.mark.parametrize("profile", ["differences", "mine"])
def test_the_same_commands(clone, profile):
    if profile == "mine":
        folder = clone / "images of mine/annotations"
        folder.mkdir(parents=True)
        for split in ("train", "val"):
            (folder / f"instances_{split}.json").write_text("{}")
        mine = {"extends": "custom", "data": {"root": "images of mine"}}
        (clone / "params/mine.yaml").write_text(yaml.safe_dump(mine))
    theirs = of_dvc(clone, profile)
    assert left_to_snakemake(clone) == theirs


def test_a_new_profile_is_refused_with_the_command_that_helps(clone):
    of_dvc(clone, "smoke")
    (clone / "params/profile.yaml").write_text("profile: demo\n")
    refused = run(clone, "cornernet", "inputs", "--profile", "smoke")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "write it anew: cornernet dvc-yaml" in refused.stderr


def test_bad_params_are_one_line_not_a_traceback(clone):
    done = snakemake(clone, "-n", "--config", "profile=demo", "set=train.iteratons=3")
    assert done.returncode != 0
    assert "did you mean 'iterations'?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_snakefile_is_short_and_every_rule_complete():
    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) < 60
    for path in (REPOSITORY / "workflow/rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            for word in ("log:", "benchmark:", "resources:", "message:", "conda:"):
                assert f"    {word}\n" in rule, (path.name, rule.split(":")[0], word)
