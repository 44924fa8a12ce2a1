"""One kill -9 of each kind at a random moment, of which `make campaign` has many; and of Snakemake."""

import random
import shutil
from dataclasses import replace
from subprocess import run

import pytest
from campaign.__main__ import Undisturbed, campaign, undisturbed
from campaign.kinds import SCORE, kinds

from workflow.clone import clone_to, snakemake, start, wait_for

WEIGHTS = "data/smoke/models/baseline-s0.safetensors"
ITERATIONS = 150
SET = f"set=[train.iterations={ITERATIONS},train.log_every=1]"
COMMAND = ("--config", "profile=smoke", SET, "--", WEIGHTS)

pytestmark = pytest.mark.slow


def assert_survived(kind, base, whole):
    print("seed", seed := random.randrange(10**9))
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
def test_a_kill_of_an_engine_changes_nothing(name, tmp_path, by_snakemake):
    """From the prepared data set on."""

    def set_up(folder):
        shutil.copytree(by_snakemake, folder, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(folder / ".dvc/cache")  # else DVC takes the model from there
        if name == "snakemake":
            (folder / "dvc.lock").unlink()  # else it looks first at what DVC has made
        shutil.rmtree(folder / "data/smoke/checkpoints/baseline-s0")
        for path in (*folder.glob("data/smoke/*/baseline-s0*"), folder / SCORE):
            path.unlink()  # the model, and all that is made of it

    with kinds() as known:
        whole = Undisturbed(20, known[name].digests(by_snakemake))
        assert_survived(replace(known[name], set_up=set_up), tmp_path, whole)


@pytest.mark.long
def test_the_same_command_takes_over_a_training_that_lives(tmp_path):
    """kill -9 of Snakemake alone: its training lives on."""
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
        run(["pkill", "-KILL", "-g", str(first.pid)])  # none of it is left where all went well
