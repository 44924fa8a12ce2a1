"""Files that other programs look for at their usual places say what the project says."""

import re
from pathlib import Path

import yaml

from cornernet import __version__

ROOT = Path(__file__).parents[1]


def loaded(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_git_s_hooks_are_the_lints_of_ci_and_hosted_ci_calls_ours():
    (repository,) = loaded(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"  # nothing is fetched
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert [f"\t{hook['entry']}" for hook in repository["hooks"]] == recipe.splitlines()
    assert "\nmake lint\n" in (ROOT / ".ci/run").read_text()
    steps = loaded(".github/workflows/ci.yml")["jobs"]["ci"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]


def test_the_workflow_catalog_and_the_citation_name_what_is_there():
    flags = loaded(".snakemake-workflow-catalog.yml")["usage"]["mandatory-flags"]["flags"]
    profile = re.fullmatch(r"--config profile=(\w+)", flags)[1]
    assert (ROOT / f"params/{profile}.yaml").is_file()
    assert loaded("CITATION.cff")["version"] == __version__
