"""What ails DVC never fails a run of Snakemake's; what works is tested in tests/workflow."""

import shutil
from pathlib import Path

import pytest
from workflow.clone import git

from cornernet.config import load_params
from cornernet.pipeline.engines.dvc_file import dvc_text
from cornernet.pipeline.engines.interchange import take_from_dvc, tell_dvc
from cornernet.pipeline.graph import Graph

REPOSITORY = Path(__file__).parents[2]
BROKEN = "<<<<<<< HEAD\nstages: {\n"


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    """The graph of smoke in a copy of what DVC reads, in which nothing has run."""
    ignored = shutil.ignore_patterns("cache", "tmp")
    for name in (".dvc", "params"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignored)
    (tmp_path / "params/profile.yaml").write_text("profile: smoke\n")
    monkeypatch.chdir(tmp_path)
    graph = Graph(load_params("smoke"))
    (tmp_path / "dvc.yaml").write_text(dvc_text(graph))
    return graph


def test_what_dvc_cannot_be_told_or_asked_is_said(smoke):
    Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert take_from_dvc(smoke) is tell_dvc(smoke) is None  # a copy without git
    git(Path(), "init", "-q", ".")
    assert "DVC follows params/profile.yaml (smoke)" in tell_dvc(Graph(load_params("demo")))
    Path("dvc.lock").write_text(BROKEN)
    assert "not looked at" in take_from_dvc(smoke)
    assert Path("dvc.lock").read_text() == BROKEN
    Path("dvc.yaml").write_text("stages: {}\n")
    assert "cornernet dvc-yaml" in tell_dvc(smoke)
