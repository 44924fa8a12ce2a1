"""Snakemake and DVC run the same commands, for every kind of profile."""

import pytest
import yaml

from workflow.clone import ok, repository_in, run
from workflow.graphs import dvc_stages, left_to_snakemake


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return repository_in(tmp_path_factory.mktemp("graphs"), "smoke")


# the paper, a profile with borrowed weights, and one with the user's own files
@pytest.mark.parametrize("profile", ["paper", "differences", "mine"])
def test_the_same_commands(clone, profile):
    if profile == "mine":
        folder = clone / "images of mine/annotations"
        folder.mkdir(parents=True)
        for split in ("train", "val"):
            (folder / f"instances_{split}.json").write_text("{}")
        mine = {"extends": "custom", "data": {"root": "images of mine"}}
        (clone / "params/mine.yaml").write_text(yaml.safe_dump(mine))
    (clone / "params/profile.yaml").write_text(f"profile: {profile}\n")
    ok(run(clone, "cornernet", "dvc-yaml"))
    theirs = sorted(stage["cmd"] for stage in dvc_stages(clone).values())
    assert left_to_snakemake(clone) == theirs


def test_a_new_profile_is_refused_with_the_command_that_helps(clone):
    (clone / "params/profile.yaml").write_text("profile: smoke\n")
    ok(run(clone, "cornernet", "dvc-yaml"))
    (clone / "params/profile.yaml").write_text("profile: demo\n")
    refused = run(clone, "cornernet", "inputs", "--profile", "smoke")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "write it anew: cornernet dvc-yaml" in refused.stderr


def test_what_dvc_cannot_run_is_said(clone):
    (clone / "params/profile.yaml").write_text("profile: released_weights\n")
    refused = run(clone, "cornernet", "dvc-yaml")
    assert refused.returncode == 2
    assert "snakemake released_weights --config weights=FILE" in refused.stderr
    assert "Traceback" not in refused.stderr
