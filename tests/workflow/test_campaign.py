"""One kill -9 of each kind at a random moment; `make campaign` has many."""

import random
import shutil
import time
from dataclasses import replace

import pytest
from campaign.__main__ import Undisturbed, campaign, undisturbed
from campaign.kinds import SCORE, kinds

pytestmark = pytest.mark.slow


def assert_survived(kind, base, whole):
    seed = time.time_ns()
    print(f"seed {seed}")
    identical, wrong = campaign(kind, 1, random.Random(seed), base, whole)
    assert identical == 1, "\n".join(wrong)


@pytest.mark.parametrize(
    "name", ["train", pytest.param("nodes", marks=pytest.mark.long), "download"]
)
def test_a_kill_changes_nothing(name, tmp_path):
    with kinds() as known:
        assert_survived(known[name], tmp_path, undisturbed(known[name], tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("name", ["snakemake", "dvc"])
def test_a_kill_of_an_engine_changes_nothing(name, tmp_path, by_dvc):
    """From the prepared data set on."""

    def set_up(folder):
        shutil.copytree(by_dvc, folder, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(folder / ".dvc/cache")  # else DVC takes the model from there
        if name == "snakemake":
            (folder / "dvc.lock").unlink()  # else it looks first at what DVC has made
        shutil.rmtree(folder / "data/smoke/checkpoints/baseline-s0")
        for path in (*folder.glob("data/smoke/*/baseline-s0*"), folder / SCORE):
            path.unlink()  # the model, and all that is made of it

    with kinds() as known:
        whole = Undisturbed(20, known[name].digests(by_dvc))
        assert_survived(replace(known[name], set_up=set_up), tmp_path, whole)
