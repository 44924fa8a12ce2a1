"""No array is forgotten: the summary of the tests says so, and the run fails."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from parity.fixtures import READERS, folder, load

ROOT = Path(__file__).parents[2]


def test_every_file_has_its_tests():
    assert {path.stem for path in folder().glob("*.npz")} == set(READERS)


@pytest.mark.parametrize(
    ("arguments", "fails"),
    [((), True), (("-n", "2"), True), (("-k", "single_bumps"), False)],
    ids=["alone", "two processes", "a part"],
)
def test_an_array_that_no_test_looks_at_fails_the_run(tmp_path, arguments, fails):
    for path in folder().iterdir():
        (tmp_path / path.name).symlink_to(path.resolve())
    (tmp_path / "gaussian.npz").unlink()
    np.savez(tmp_path / "gaussian.npz", **load("gaussian"), stray=np.zeros(1))
    module = "tests/parity/test_gaussian.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", module, "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, "CORNERNET_PARITY_FIXTURES": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "passed" in done.stdout, done.stdout + done.stderr
    assert ("NOT COMPARED: stray of gaussian.npz" in done.stdout) == fails, done.stdout
    assert done.returncode == int(fails), done.stdout
