"""How the package is set up: the lock, conda's environment, and the wheel that others install.

The two ways to set up give the same versions: compared as text, no channel of conda is asked.
"""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENGINES = ("snakemake", "dvc", "mlflow")


def locked():
    """The lines of the lock, without comments."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_lock_holds_names_and_versions_alone_and_conda_s_environment_the_same():
    for line in locked():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+", line), line
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (from_pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert from_pip == locked()
    assert len(from_pip) > 50


def test_the_lock_has_all_that_the_package_asks_for_above_the_lower_bounds():
    versions = dict(line.split("==") for line in locked())
    versions = {canonicalize_name(name): version for name, version in versions.items()}
    core, extras = PROJECT["dependencies"], PROJECT["optional-dependencies"]
    assert {Requirement(text).name for text in core}.isdisjoint(ENGINES)
    assert {Requirement(text).name for text in extras["workflow"]} >= set(ENGINES)
    for text in (*core, *extras["workflow"], *extras["export"], *extras["test"]):
        wanted = Requirement(text)
        if wanted.name != PROJECT["name"]:
            assert [bound.operator for bound in wanted.specifier] == [">="], text
            assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)]), text


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the wheel's files lie, as pip would install them."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "clone"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "params", source / "params")
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "src", source / "src", symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_the_wheel_has_all_that_is_no_code(installed):
    package = installed / "cornernet"
    assert (package / "py.typed").is_file()
    for source in (ROOT / "params").iterdir():
        assert (package / "params" / source.name).read_bytes() == source.read_bytes()
    for source in (ROOT / "src" / "cornernet" / "reporting").rglob("*"):
        if source.is_file() and source.suffix not in (".py", ".pyc"):
            assert (package / source.relative_to(ROOT / "src" / "cornernet")).is_file(), source


@pytest.mark.slow
def test_the_installed_package_answers_outside_the_clone_without_the_engines(installed, tmp_path):
    program = (
        f"import sys\nsys.path.insert(0, {str(installed)!r})\n"
        f"for name in {ENGINES!r}:\n    sys.modules[name] = None\n"
        f"import cornernet.cli\nassert cornernet.__file__.startswith({str(installed)!r})\n"
        "sys.exit(cornernet.cli.main(['plan', '--profile', 'demo', '--no-measure']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
