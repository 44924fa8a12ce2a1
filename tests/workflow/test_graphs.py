"""Snakemake and DVC have the same graph: stages, commands, inputs, outputs, params, edges."""

import pytest
import yaml

from workflow.clone import repository_in, run
from workflow.graphs import dvc_stages, edges, snakemake_jobs


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return repository_in(tmp_path_factory.mktemp("graphs"), "smoke")


def both(clone, profile):
    """Snakemake's jobs and DVC's stages of a profile; the files of `inputs` are written."""
    (clone / "params/profile.yaml").write_text(f"profile: {profile}\n")
    return snakemake_jobs(clone), dvc_stages(clone)


# the paper, what it is shown on, a profile with other variants, and one with the user's own files
@pytest.fixture(scope="module", params=["paper", "smoke", "differences", "mine"])
def graphs(request, clone):
    if request.param == "mine":
        folder = clone / "images-of-mine/annotations"
        folder.mkdir(parents=True, exist_ok=True)
        for split in ("train", "val"):
            (folder / f"instances_{split}.json").write_text("{}")
        mine = {"extends": "custom", "data": {"root": "images-of-mine"}}
        (clone / "params/mine.yaml").write_text(yaml.safe_dump(mine))
    written = run(clone, "cornernet", "matrix", "--profile", request.param)
    assert written.returncode == 0, written.stderr
    return both(clone, request.param)


def stages_but_inputs(stages):
    return [stage for stage in stages if not stage["name"].startswith("inputs@")]


def test_the_same_commands(graphs):
    jobs, stages = graphs
    theirs = [stage["command"] for stage in stages_but_inputs(stages)]
    assert sorted(theirs) == sorted(job.command for job in jobs)


def test_the_same_outputs(graphs):
    jobs, stages = graphs
    mine = {job.command: set(job.outputs) for job in jobs}
    theirs = {stage["command"]: set(stage["outputs"]) for stage in stages_but_inputs(stages)}
    assert theirs == mine


def test_the_same_inputs(graphs, clone):
    """DVC names a folder where Snakemake names files in it."""
    jobs, stages = graphs
    by_command = {stage["command"]: set(stage["inputs"]) for stage in stages_but_inputs(stages)}
    made = {file for job in jobs for file in job.outputs}
    for job in jobs:
        theirs = by_command[job.command]
        folders = {path for path in theirs if any(file.startswith(f"{path}/") for file in made)}
        for file in job.inputs:
            assert file in theirs or any(file.startswith(f"{path}/") for path in folders), job
        assert theirs - folders <= job.inputs, job
        for path in folders - job.inputs:
            assert any(file.startswith(f"{path}/") for file in job.inputs), (job, path)


def test_the_same_edges(graphs):
    jobs, stages = graphs
    command = {stage["name"]: stage["command"] for stage in stages}
    theirs = {
        (command[before], stage["command"])
        for stage in stages_but_inputs(stages)
        for before in stage["after"]
        if not before.startswith("inputs@")
    }
    assert theirs == edges(jobs)


def test_dvc_watches_every_param_of_a_stage(graphs, clone):
    jobs, stages = graphs
    watched = {}
    for stage in stages_but_inputs(stages):
        for file, keys in stage["params"].items():
            assert set(keys) == set(yaml.safe_load((clone / file).read_text())), stage["name"]
            watched[stage["command"]] = file
    assert watched == {
        job.command: next(file for file in job.inputs if "/params/" in file) for job in jobs
    }


def test_inputs_makes_the_files_of_params_and_code_that_no_other_stage_makes(graphs, clone):
    jobs, stages = graphs
    (stage,) = [stage for stage in stages if stage["name"].startswith("inputs@")]
    profile = stage["name"].split("@")[1]
    assert stage["outputs"] == [f"data/{profile}/params", f"data/{profile}/code"]
    made = {file for job in jobs for file in job.outputs}
    from_outside = {file for job in jobs for file in job.inputs} - made
    folders = tuple(f"{path}/" for path in stage["outputs"])
    rest = {file for file in from_outside if not file.startswith(folders)}
    own = {f"images-of-mine/annotations/instances_{split}.json" for split in ("train", "val")}
    assert rest - own == {"params/literature.yaml", "params/claims.yaml"}


def test_matrices_of_another_profile_are_refused_before_anything_runs(clone):
    run(clone, "cornernet", "matrix", "--profile", "paper")
    refused = run(clone, "cornernet", "inputs", "--profile", "custom")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "cornernet matrix --profile custom" in refused.stderr


def test_the_shipped_matrices_are_those_of_the_shipped_profiles(clone):
    shipped = (clone / "workflow/matrix.yaml").read_text()
    for profile in ("paper", "as_run", "released", "demo", "smoke"):
        assert run(clone, "cornernet", "matrix", "--profile", profile).returncode == 0
        assert (clone / "workflow/matrix.yaml").read_text() == shipped


@pytest.mark.parametrize(
    ("profile", "said"),
    [("released_weights", "snakemake released_weights --config weights=FILE"), ("nome", "demo")],
)
def test_what_dvc_cannot_run_is_said(clone, profile, said):
    refused = run(clone, "cornernet", "matrix", "--profile", profile)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
