"""kill -9 of Snakemake alone: its training lives on, and the same command takes it over."""

import os
import signal

import pytest

from workflow.clone import clone_to, snakemake, start, wait_for

WEIGHTS = "data/smoke/models/baseline-s0.safetensors"
ITERATIONS = 150
CONFIG = ("--config", "profile=smoke", f"set=[train.iterations={ITERATIONS},train.log_every=1]")
COMMAND = (*CONFIG, "--", WEIGHTS)

pytestmark = pytest.mark.long


def test_the_same_command_takes_over_a_training_that_lives(tmp_path):
    clone = clone_to(tmp_path)
    history = clone / "data/smoke/checkpoints/baseline-s0/history.csv"
    first = start(clone, "snakemake", "--cores", "2", *COMMAND, start_new_session=True)
    try:
        wait_for(lambda: history.exists() and len(history.read_text().splitlines()) > 2, first)
        second = snakemake(clone, *COMMAND)
        (line,) = [line for line in second.stderr.splitlines() if "another snakemake" in line]
        assert second.returncode == 1
        assert f"(process {first.pid} on " in line
        assert "then type the same command again" in line
        assert "--unlock" not in second.stderr

        first.kill()
        first.wait()
        assert any((clone / ".snakemake/locks").iterdir())
        assert len(history.read_text().splitlines()) < ITERATIONS, "it trained too fast"
        again = snakemake(clone, *COMMAND)
        said = again.stdout + again.stderr
        assert again.returncode == 0, said
        assert "was killed: unlocking" in said
        assert f"goes on from iteration {ITERATIONS} " in said  # having waited for its end
    finally:
        os.killpg(first.pid, signal.SIGKILL)
