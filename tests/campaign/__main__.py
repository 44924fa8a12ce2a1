"""Kills runs with kill -9 at random moments, and counts how many ended as if nothing had happened.

Usage: python -m campaign [KIND ...] [--kills N] [--seed S]

A kill has landed if the process lived when it came. The same command then goes on, is killed again,
and in the end runs through: its results must be those of a run that nothing disturbed, to the byte.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from campaign.kinds import Kind, kinds

KILLS_OF_A_RUN = 5
MOMENTS = 0.2, 0.8  # of the time of an undisturbed run; a run that goes on takes less


class Undisturbed(NamedTuple):
    """A run that nothing disturbs: its time, and the digests of its results."""

    seconds: float
    digests: dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill -9 at random moments, counted.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="default: all")
    parser.add_argument("--kills", type=int, help="of each kind; default: 20, 10 or 5")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    failed = False
    with kinds() as known, tempfile.TemporaryDirectory(prefix="campaign-") as base:
        for name in options.kinds or known:
            kind, rng = known[name], random.Random(f"{options.seed} {name}")
            whole = undisturbed(kind, Path(base))
            kills = options.kills or kind.kills
            identical, wrong = campaign(kind, kills, rng, Path(base), whole)
            failed |= identical < kills
            print(f"{name:<10} {kills} kills landed, {identical} ended bit-identical", flush=True)
            print(*wrong, sep="\n  ", flush=True)
    return int(failed)


def undisturbed(kind: Kind, base: Path) -> Undisturbed:
    """Run once to the end."""
    folder, began = new_run(kind, base, "whole"), time.monotonic()
    if kind.start(folder).wait():
        raise SystemExit(f"{kind.name} fails undisturbed:\n{(folder / 'output.txt').read_text()}")
    return Undisturbed(time.monotonic() - began, kind.digests(folder))


def campaign(
    kind: Kind, kills: int, rng: random.Random, base: Path, whole: Undisturbed
) -> tuple[int, list[str]]:
    """Kill until `kills` have landed, some in each run, and compare with a run undisturbed.

    Returns the number of kills whose run ended as if nothing had happened, and what went wrong.
    """
    assert whole.digests, "it has no results"
    landed, identical, number, wrong = 0, 0, 0, []
    while landed < kills:
        number += 1
        folder = new_run(kind, base, f"run-{number}")
        left = min(KILLS_OF_A_RUN, kills - landed)
        here, code = killed_run(kind, folder, left, whole.seconds, rng)
        landed += here
        if code == 0 and kind.digests(folder) == whole.digests:
            identical += here
        else:
            text = (folder / "output.txt").read_text(errors="replace")
            wrong.append(f"run {number}, {here} kills:\n{text[-3000:]}")
        print(f"  {kind.name}, run {number}: {here} kills landed", flush=True)
    return identical, wrong


def new_run(kind: Kind, base: Path, name: str) -> Path:
    """A folder in which nothing has run."""
    folder = base / f"{kind.name}-{name}"
    folder.mkdir()
    kind.set_up(folder)
    return folder


def killed_run(
    kind: Kind, folder: Path, kills: int, seconds: float, rng: random.Random
) -> tuple[int, int]:
    """Start, kill and start again, then let it end: how many kills landed, and its exit code."""
    landed, groups = 0, []
    for left in range(kills, -1, -1):
        process = kind.start(folder)
        groups.append(process.pid)
        try:
            process.wait(rng.uniform(*MOMENTS) * seconds if left else None)
            break  # it ended before a kill came
        except subprocess.TimeoutExpired:
            alone = kind.engine and rng.random() < 0.5
            (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
        landed += process.wait() == -signal.SIGKILL
        with (folder / "output.txt").open("a") as output:
            output.write(f"\n--- killed {'alone' if alone else 'with all that it started'}\n")
    for group in groups:  # what an engine that was killed alone had started may live still
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    return landed, process.returncode


if __name__ == "__main__":
    sys.exit(main())
