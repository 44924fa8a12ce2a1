"""Slurm's commands, and waiting for what they bring about."""

import subprocess
import time


def slurm(*command):
    """What a command of Slurm prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def until(condition, seconds):
    """Wait until something is so; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.2)


def job_field(job, name):
    """A field of `scontrol show job`, such as JobState."""
    shown = slurm("scontrol", "show", "job", "--oneliner", job)
    return dict(word.partition("=")[::2] for word in shown.split()).get(name)
