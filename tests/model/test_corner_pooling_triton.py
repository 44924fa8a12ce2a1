"""Triton's corner pooling without a GPU: its kernels, interpreted, through the tests of all forms."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="triton is not installed (it comes with torch for CUDA; requirements.lock has it)",
)
@pytest.mark.parametrize(
    ("file", "least"),
    [
        ("tests/model/test_corner_pooling.py", 15),
        pytest.param("tests/parity/test_corner_pool.py", 4, marks=pytest.mark.slow),
    ],
)
def test_interpreted_kernels_pass_the_tests_of_every_form(file, least):
    """In a process of its own: triton must know before its first import."""
    command = [sys.executable, "-m", "pytest", file, "-k", "triton", "-v", "-p", "no:cacheprovider"]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed.group(1)) >= least
