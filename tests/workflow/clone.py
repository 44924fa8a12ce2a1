"""A copy of the repository for tests to run the real programs in."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
JOB = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)


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
    return folder


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a clone, with the clone's own source as the package."""
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = str(folder / "src")
    environment.pop("MLFLOW_TRACKING_URI", None)
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def planned_jobs(dry_run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """How many jobs of each rule a dry run lists; `all` and `total` left out."""
    assert dry_run.returncode == 0, dry_run.stdout + dry_run.stderr
    text = dry_run.stdout + dry_run.stderr
    counts = {name: int(count) for name, count in JOB.findall(text)}
    return {name: count for name, count in counts.items() if name not in ("all", "total")}
