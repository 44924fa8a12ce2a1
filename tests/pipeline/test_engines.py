"""What ails DVC never fails a run of Snakemake's; what works is tested in tests/workflow."""

import shutil
from pathlib import Path

import pytest
from workflow.clone import git

from cornernet.pipeline.engines import adopt, record

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A copy of what DVC reads, in which nothing has run."""
    for name in (".dvc", "params", "workflow"):
        ignored = shutil.ignore_patterns("cache", "tmp", "profiles")
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignored)
    shutil.copy(REPOSITORY / "dvc.yaml", tmp_path)
    (tmp_path / "params/profile.yaml").write_text("profile: smoke\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_copy_without_git_goes_on_in_silence(place):
    (place / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert adopt("smoke") is None
    assert record("smoke", []) is None


def test_a_profile_that_dvc_does_not_follow_is_said(place):
    git(place, "init", "-q", ".")
    assert "DVC follows params/profile.yaml (smoke)" in record("demo", [])


def test_a_lock_file_that_cannot_be_read_is_said_and_stays(place):
    git(place, "init", "-q", ".")
    broken = "<<<<<<< HEAD\nstages: {\n"
    (place / "dvc.lock").write_text(broken)
    assert "not looked at" in adopt("smoke")
    assert "DVC was not told" in record("smoke", [])
    assert (place / "dvc.lock").read_text() == broken


def test_matrices_of_another_profile_are_said(place):
    git(place, "init", "-q", ".")
    (place / "workflow/matrix.yaml").write_text("seeds: [5]\n")
    assert "cornernet matrix --profile smoke" in record("smoke", [])
