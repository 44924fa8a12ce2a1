"""A disk that is full, or fills up while a model trains."""

import shutil
import subprocess
from contextlib import contextmanager

import pytest

from workflow.clone import ok, run

pytestmark = pytest.mark.long
MEGABYTES = 40


@contextmanager
def on_a_small_disk(folder, left):
    """The folder's content on a disk of its own, with so many bytes left."""
    kept = shutil.copytree(folder, folder.with_name("kept"), symlinks=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        (folder / "filler").write_bytes(bytes(shutil.disk_usage(folder).free - left))
        yield folder / "filler"
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        shutil.rmtree(kept)


@pytest.mark.parametrize("left", [0, 400_000])
def test_a_full_disk_while_training_is_one_line_and_loses_nothing(by_snakemake, left):
    weights = by_snakemake / "data/smoke/models/baseline-s0.safetensors"
    whole = weights.read_bytes()
    command = ("cornernet", "train", "--profile", "smoke", "--fresh")
    with on_a_small_disk(by_snakemake / "data", left) as filler:
        full = run(by_snakemake, *command)
        (line,) = [x for x in full.stderr.splitlines() if not x.startswith("baseline-s0: ")]
        assert full.returncode == 2
        assert line.startswith("cornernet train: ")
        assert "No space left on device" in line
        assert weights.read_bytes() == whole
        filler.unlink()
        ok(run(by_snakemake, *command[:-1]))
        assert weights.read_bytes() == whole
