"""A copy of the repository for tests to run the real programs in."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
RAN = re.compile(r"^Running stage '(?P<name>[^']+)'", re.MULTILINE)


def clone_to(folder: Path) -> Path:
    """Copy what git tracks, and what it would track, as it lies in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for name in filter(None, listed):
        source = REPOSITORY / name
        if source.is_symlink():
            (folder / name).symlink_to(os.readlink(source))
        elif source.is_file() and not name.startswith("tests/parity/fixtures/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    for compiled in (REPOSITORY / "src").rglob("__pycache__/*.nb?"):  # by numba: it takes its time
        to = folder / compiled.relative_to(REPOSITORY)
        to.parent.mkdir(exist_ok=True)
        shutil.copy2(compiled, to)
    return folder


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a clone, with the clone's own source as the package."""
    return run(folder, "snakemake", "--cores", "2", *arguments)


def dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC in a clone, with the clone's own source as the package."""
    return run(folder, "dvc", *arguments)


def run(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a clone: a module of Python's."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment_of(folder),
        capture_output=True,
        text=True,
    )


def start(folder: Path, module: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program in a clone: a module of Python's; `options` are those of Popen."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment_of(folder), **options)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is so, which a process is to bring about."""
    while not condition():
        assert process.poll() is None, "it ended before"
        time.sleep(0.05)


def environment_of(folder: Path) -> dict[str, str]:
    """The environment in which a clone's own source is the package."""
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = str(folder / "src")
    environment.pop("MLFLOW_TRACKING_URI", None)
    return environment


def git(folder: Path, *arguments: str) -> None:
    """Run git in a clone, as someone."""
    someone = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    subprocess.run(["git", *someone, *arguments], cwd=folder, check=True, capture_output=True)


def repository_in(folder: Path, profile: str) -> Path:
    """A clone under git, as DVC wants it, whose params/profile.yaml names `profile`."""
    clone_to(folder)
    (folder / "params/profile.yaml").write_text(f"profile: {profile}\n")
    ok(run(folder, "cornernet", "dvc-yaml"))
    git(folder, "init", "-q", ".")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "as cloned")
    return folder


def ok(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed; fails if it failed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def changed_file(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """`path` with its text changed, and as it was again after."""
    before = path.read_text()
    path.write_text(change(before))
    try:
        yield
    finally:
        path.write_text(before)


def edited(old: str, new: str) -> Callable[[str], str]:
    """A change of a file's text that must find what it replaces."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change
