"""No array is forgotten: the summary of the tests says so, and the run fails."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from parity.fixtures import FOLDER, Fixture

HERE = Path(__file__).parent


def test_every_file_has_its_tests():
    source = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    named = set(re.findall(r'"(\w+)"', source))
    assert {path.stem for path in FOLDER.glob("*.npz")} <= named


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "fails"), [((), True), (("-k", "single_bumps"), False)], ids=["all", "a part"]
)
def test_an_array_that_no_test_looks_at_fails_the_run(tmp_path, arguments, fails):
    arrays = Fixture("gaussian")
    np.savez(tmp_path / "gaussian.npz", **{key: arrays[key] for key in arrays}, stray=np.zeros(1))
    module = "tests/parity/test_gaussian.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", module, "-p", "no:cacheprovider", *arguments],
        cwd=HERE.parents[1],
        env={**os.environ, "CORNERNET_PARITY_FIXTURES": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "passed" in done.stdout, done.stdout + done.stderr
    assert ("NOT COMPARED: stray of gaussian.npz" in done.stdout) == fails, done.stdout
    assert done.returncode == int(fails), done.stdout
