"""Files that other programs look for at their usual places say what the project says."""

import re
from pathlib import Path

import yaml

from cornernet import __version__

ROOT = Path(__file__).parents[1]


def loaded(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_git_s_hooks_are_the_lints_of_ci():
    (repository,) = loaded(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"  # nothing is fetched
    lints = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert [hook["entry"] for hook in repository["hooks"]] == [
        one.strip() for one in lints.splitlines()
    ]
    assert "\nmake lint\n" in (ROOT / ".ci/run").read_text()


def test_hosted_ci_calls_ours():
    steps = loaded(".github/workflows/ci.yml")["jobs"]["ci"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]


def test_the_workflow_catalog_s_flags_name_a_profile():
    usage = loaded(".snakemake-workflow-catalog.yml")["usage"]
    profile = re.fullmatch(r"--config profile=(\w+)", usage["mandatory-flags"]["flags"])[1]
    assert (ROOT / f"params/{profile}.yaml").is_file()
    assert usage["software-stack-deployment"]["conda"]  # which rules name: environment.yml


def test_the_citation_is_of_this_version():
    citation = loaded("CITATION.cff")
    assert citation["version"] == __version__
    assert citation["preferred-citation"]["url"].endswith("1808.01244")
