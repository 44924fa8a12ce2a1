"""The two ways to set up give the same versions: compared as text, no channel of conda is asked."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_the_conda_environment_names_the_versions_of_the_lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {line for line in lines if line and not line.startswith("#")}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (from_pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert set(from_pip) == locked
    assert len(from_pip) == len(locked) > 50


def test_the_lock_holds_names_and_versions_alone():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+", line), (
            line
        )


def test_the_lock_has_all_that_the_package_asks_for():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project.get("optional-dependencies", {}).values():
        wanted += extra
    names = {re.split(r"[<>=~!\[ ;]", text)[0].lower().replace("_", "-") for text in wanted}
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    assert names - {"cornernet"} <= locked
