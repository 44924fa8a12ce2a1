"""dvc.yaml is what the description says; DVC's calls have names, and what ails it fails nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workflow.clone import git

from cornernet.errors import BadInput
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.engines.dvc_file import check_dvc_file, dvc_name, dvc_text
from cornernet.pipeline.engines.interchange import take_from_dvc, tell_dvc
from cornernet.pipeline.provenance import invocation

REPOSITORY = Path(__file__).parents[2]
BROKEN = "<<<<<<< HEAD\nstages: {\n"


def test_the_committed_file_is_what_the_command_writes(graph_of):
    profile = yaml.safe_load((REPOSITORY / "params/profile.yaml").read_text())["profile"]
    committed = (REPOSITORY / "dvc.yaml").read_text()
    assert committed == dvc_text(graph_of(profile)), "write it anew: cornernet dvc-yaml"


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
    with pytest.raises(BadInput, match="write it anew: cornernet dvc-yaml"):
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
    assert "DVC follows params/profile.yaml (smoke)" in tell_dvc(graph_of("demo"))
    Path("dvc.lock").write_text(BROKEN)
    assert "not looked at" in take_from_dvc(smoke)
    assert Path("dvc.lock").read_text() == BROKEN
    Path("dvc.yaml").write_text("stages: {}\n")
    assert "cornernet dvc-yaml" in tell_dvc(smoke)


def test_dvc_names_its_call_by_its_process(tmp_path, monkeypatch):
    """A program called dvc runs a shell, which runs two commands: one invocation."""
    monkeypatch.delenv("CORNERNET_INVOCATION", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert invocation() is None
    dvc = tmp_path / "dvc"
    dvc.write_text(
        "import subprocess, sys\n"
        "for _ in range(2):\n"
        "    subprocess.run('exec 3>&1; ' + sys.argv[1], shell=True, check=True)\n"
    )
    show = "from cornernet.pipeline.provenance import invocation; print(invocation())"
    command = f"{sys.executable} -c '{show}'; true"
    environment = {**os.environ, "DVC_STAGE": "train", "PYTHONPATH": str(REPOSITORY / "src")}
    calls = [
        subprocess.check_output([sys.executable, dvc, command], env=environment, text=True)
        for _ in range(2)
    ]
    (first, again), (other, _) = (call.splitlines() for call in calls)
    assert first == again != other
    assert " dvc " in first
