"""The demo as a newcomer runs it, from a fresh clone to its report, and the AP that it finds."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import REPOSITORY, BenchmarkFailed, Settings, Window
from benchmarks.record import Record
from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv


def demo(settings: Settings, record: Record) -> None:
    """Clone the commit, and run Snakemake there on as many cores as `--threads` says."""
    profile = "smoke" if settings.quick else "demo"
    with fresh_clone() as clone:
        minutes = timed_run(clone, profile, settings.threads)
        scores = read_csv(clone / "reports" / profile / "results.csv", RESULT_COLUMNS)
    record.check("the report was written")
    record.note("the last commit is measured, not what is uncommitted; nothing stands beside it")
    record.window(Window(rounds=1))
    record.sizes(profile=profile, cores=settings.threads)
    record.add(f"make {profile}", "wall clock", [minutes], "min")
    for row in scores[scores["metric"] == "AP"].itertuples():
        record.add(f"AP, {row.split}", f"{row.variant}, {row.mode}", [row.value], "percent")


@contextmanager
def fresh_clone() -> Iterator[Path]:
    """The folder of a clone of the last commit, which is removed in the end."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        yield clone


def timed_run(clone: Path, profile: str, cores: int, *config: str) -> float:
    """Run a profile through Snakemake; the minutes from the first line to the report.

    Raises BenchmarkFailed with the end of what Snakemake says, if it fails or writes no report.
    """
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    environment = {**os.environ, "PYTHONPATH": str(clone / "src"), "PATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--config", f"profile={profile}", *config],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"{profile} failed: {' / '.join(done.stderr.splitlines()[-3:])}")
    if not (clone / "reports" / profile / "index.html").is_file():
        raise BenchmarkFailed(f"{profile}: ended without its report")
    return (time.monotonic() - began) / 60
