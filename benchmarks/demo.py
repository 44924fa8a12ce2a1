"""The demo as a newcomer runs it, from a fresh clone to its report, and the AP that it finds."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import REPOSITORY, BenchmarkFailed, Settings, Window
from benchmarks.record import Record
from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv


def demo(settings: Settings, record: Record) -> None:
    """Clone the commit, and run Snakemake there on as many cores as `--threads` says."""
    profile = "smoke" if settings.quick else "demo"
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        began = time.monotonic()
        _run(clone, profile, settings.threads)
        minutes = (time.monotonic() - began) / 60
        report = clone / "reports" / profile / "index.html"
        if not report.is_file():
            raise BenchmarkFailed(
                f"{profile}: ended without its report, {report.relative_to(clone)}"
            )
        record.check("the report was written")
        scores = read_csv(clone / "reports" / profile / "results.csv", RESULT_COLUMNS)
    record.note("the last commit is measured, not what is uncommitted; nothing stands beside it")
    record.window(Window(rounds=1))
    record.sizes(profile=profile, cores=settings.threads)
    record.add(f"make {profile}", "wall clock", [minutes], "min")
    for row in scores[scores["metric"] == "AP"].itertuples():
        record.add(f"AP, {row.split}", f"{row.variant}, {row.mode}", [row.value], "percent")


def _run(clone: Path, profile: str, cores: int) -> None:
    """Raises BenchmarkFailed with the end of what Snakemake says, if it fails."""
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    environment = {**os.environ, "PYTHONPATH": str(clone / "src"), "PATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    done = subprocess.run(
        [*command, "--config", f"profile={profile}"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"{profile} failed: {' / '.join(done.stderr.splitlines()[-3:])}")
