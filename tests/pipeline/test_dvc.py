"""dvc.yaml is what the description says, and what ails DVC fails nothing."""

import shutil
from pathlib import Path

import pytest
import yaml
from workflow.clone import git

from cornernet.errors import BadInput
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.engines.dvc_file import check_dvc_file, dvc_name, dvc_text
from cornernet.pipeline.engines.interchange import take_from_dvc, tell_dvc

REPOSITORY = Path(__file__).parents[2]
BROKEN = "<<<<<<< HEAD\nstages: {\n"


def test_the_committed_file_is_what_the_command_writes(graph_of):
    profile = yaml.safe_load((REPOSITORY / "params/profile.yaml").read_text())["profile"]
    committed = (REPOSITORY / "dvc.yaml").read_text()
    assert committed == dvc_text(graph_of(profile)), "write it again: cornernet dvc-yaml"


@pytest.mark.parametrize("profile", ["smoke", "differences"])
def test_every_job_is_a_stage_with_its_inputs_and_outputs(graph_of, profile):
    graph = graph_of(profile)
    stages = yaml.safe_load(dvc_text(graph))["stages"]
    assert "matrix" not in dvc_text(graph)
    jobs = [(stage, key) for stage in STAGES.values() for key in stage.jobs(graph)]
    assert len(stages) == 1 + len(jobs)
    for stage, key in jobs:
        entry = stages[dvc_name(graph.paths, stage.name, key)]
        outs = [*entry.get("outs", []), *entry.get("metrics", []), *entry.get("plots", [])]
        named = [out if isinstance(out, str) else next(iter(out)) for out in outs]
        assert sorted(named) == sorted(map(str, stage.outputs(graph.paths, key)))
        params = [next(iter(file)) for file in entry.get("params", [])]
        for path in map(str, stage.all_inputs(graph, key)):
            folder = str(Path(path).parent)
            assert path in entry["deps"] or path in params or folder in entry["deps"], path
    assert stages[f"inputs-{profile}"]["always_changed"]


def test_what_dvc_cannot_run_is_refused(graph_of):
    """A file of other tests, or of another profile than params/profile.yaml names, and imports."""
    Path("params").mkdir()
    Path("params/profile.yaml").write_text("profile: smoke\n")
    Path("dvc.yaml").write_text(dvc_text(graph_of("smoke")))
    check_dvc_file(graph_of("smoke"))
    with pytest.raises(BadInput, match="write it again: cornernet dvc-yaml"):
        check_dvc_file(graph_of("smoke", "train.seeds=[0, 1]"))
    with pytest.raises(BadInput, match=r"params/profile.yaml names smoke.*cornernet dvc-yaml"):
        check_dvc_file(graph_of("demo"))
    with pytest.raises(BadInput, match="snakemake released_weights --config weights=FILE"):
        dvc_text(graph_of("released_weights"))


def test_what_dvc_cannot_be_told_or_asked_is_said(graph_of):
    """In a copy of what DVC reads, in which nothing has run."""
    smoke = graph_of("smoke")
    ignored = shutil.ignore_patterns("cache", "tmp")
    for name in (".dvc", "params"):
        shutil.copytree(REPOSITORY / name, name, ignore=ignored)
    Path("params/profile.yaml").write_text("profile: smoke\n")
    Path("dvc.yaml").write_text(dvc_text(smoke))
    Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert take_from_dvc(smoke) is tell_dvc(smoke) is None  # a copy without git
    git(Path(), "init", "-q", ".")
    assert tell_dvc(graph_of("demo")) is None  # DVC has another profile: nothing is to do
    Path("dvc.lock").write_text(BROKEN)
    assert "could not be asked" in take_from_dvc(smoke)
    assert Path("dvc.lock").read_text() == BROKEN
    Path("dvc.yaml").write_text("stages: {}\n")
    assert "If you use it: dvc.yaml does not hold" in tell_dvc(smoke)
