"""Everything that is worth a GPU, in one command of eight minutes at most.

Each benchmark has a process of its own, which ends when the time is over: what it had measured by
then is written already.
"""

import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.measuring import REPOSITORY, Settings

LIMIT_SECONDS = 480.0


def run_within_limit(names: Sequence[str], settings: Settings, limit: float = LIMIT_SECONDS) -> int:
    """Run the benchmarks one after the other; returns 1 if one failed, else 0.

    The one that meets the end of the time is stopped, those after it are left out; a line says so.
    """
    end, failures = time.monotonic() + limit, 0
    for name in names:
        left = end - time.monotonic()
        if left <= 0:
            print(f"{name}: left out, the time is over", flush=True)
            continue
        try:
            code = subprocess.run(_command(name, settings), cwd=REPOSITORY, timeout=left).returncode
        except subprocess.TimeoutExpired:
            print(f"{name}: stopped, the time is over; what was measured is kept", flush=True)
            continue
        failures += code != 0  # it has said why
    return 1 if failures else 0


def _command(name: str, settings: Settings) -> list[str]:
    command = [sys.executable, "-m", "benchmarks", name, "--device", settings.device]
    command += ["--threads", str(settings.threads)]
    command += ["--out", str(settings.out.resolve()), "--data", str(settings.data.resolve())]
    return [*command, "--quick"] if settings.quick else command
