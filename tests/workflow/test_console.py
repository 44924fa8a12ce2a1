"""What Snakemake shows while it runs: the jobs, how far each is, the results; and what failed."""

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from workflow.clone import clone_to, environment_of, snakemake

pytestmark = pytest.mark.slow
STARTED = re.compile(r"^\d\d:\d\d:\d\d \[(\d+)/(\d+)\] (\S+)", re.MULTILINE)
NOISE = ("Reason", "Select jobs", "Finished", "steps", "jobid", "rule ", "DVC", "mlflow", "Config")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clone_to(tmp_path_factory.mktemp("console"))


def test_a_line_for_each_job_then_the_results_and_the_reasons_in_the_log(made_once):
    shown = (made_once / "console.log").read_text()
    started = STARTED.findall(shown)
    assert [int(number) for number, _, _ in started] == list(range(1, len(started) + 1))
    assert {int(total) for _, total, _ in started} == {len(started)}
    assert "train baseline-s0: one variant" in shown
    assert not [word for word in NOISE if word in shown]
    *_, table, _, done = shown.rstrip().split("\n")
    assert "single_scale" in table
    assert done == "Done. The report: reports/smoke/index.html"
    others = [line for line in shown.splitlines() if "so far" not in line]  # lines of each minute
    assert len(others) < len(started) + 25  # what prepare found, claims, the table
    log = min((made_once / ".snakemake/log").glob("*.log"))
    assert log.read_text().count("Reason: ") > len(started)


def test_on_a_terminal_a_line_moves_for_each_job_that_runs(folder):
    reading, writing = pty.openpty()
    termios.tcsetwinsize(writing, (24, 100))
    command = [sys.executable, "-m", "snakemake", "data/smoke/radii.parquet"]
    command += ["--cores", "2", "--config", "profile=smoke"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment_of(folder),
        stdin=writing,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    shown = b""
    try:
        while part := os.read(reading, 4096):
            shown += part
    except OSError:  # the terminal was closed
        pass
    assert process.wait() == 0
    moving = re.findall(r"\r  (\d\d:\d\d) prepare", shown.decode())
    assert len(set(moving)) > 1
    assert "Done" not in shown.decode()  # there is no report yet


def test_a_job_that_fails_shows_the_end_of_its_log(folder):
    done = snakemake(folder, "--config", "profile=custom", "set=data.root=absent")
    assert done.returncode == 1
    shown = done.stderr.splitlines()
    failed = next(number for number, line in enumerate(shown) if "failed" in line)
    assert "data/custom/logs/download.log" in shown[failed]
    assert shown[failed + 1].startswith("    cornernet download: absent/images is not there; ")
    assert len(shown) < 12
    assert "cornernet status --profile custom" in done.stdout
