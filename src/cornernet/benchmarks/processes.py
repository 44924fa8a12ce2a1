"""Fresh processes of this interpreter, with this package at hand."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cornernet
from cornernet.benchmarks.errors import BenchmarkFailed


def run_python(arguments: Sequence[str]) -> str:
    """Run the interpreter with `arguments`; returns what it prints.

    The package is found where it was found here, installed or not. Raises BenchmarkFailed with the
    end of what it says on the way out, if that is not success.
    """
    source = str(Path(cornernet.__file__).parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    if done.returncode != 0:
        last = " / ".join(done.stderr.strip().splitlines()[-2:])
        raise BenchmarkFailed(f"python {arguments[0]} ... exits with {done.returncode}: {last}")
    return done.stdout
