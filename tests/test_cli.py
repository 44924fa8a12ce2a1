"""The command itself: what becomes of output that nobody reads."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "cornernet", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, **options
    )


def test_a_reader_that_has_gone_ends_it_quietly():
    """As in `cornernet plan | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("plan", "--profile", "demo", "--no-measure", stdout=writing)
    finally:
        os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_a_reader_that_stays_gets_all():
    done = run("plan", "--profile", "demo", "--no-measure", stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "free on the disk of data/demo/" in done.stdout
