"""The workflow before anything runs: Snakemake and DVC list the same commands, and say what is wrong.

What reruns after a change, in both engines, is in test_interchange.py.
"""

from collections import Counter

import pytest
import yaml

from cornernet.config import load_params
from cornernet.pipeline.engines.dvc_file import dvc_text
from cornernet.pipeline.graph import Graph
from workflow.clone import REPOSITORY, clone_to, ok, snakemake
from workflow.graphs import commands_in

PAPER = {"train": 5, "predict": 9, "corners": 2, "submit": 2, "evaluate": 9}
ONCE = ("download", "prepare", "radii", "tables", "figures", "claims", "report")
# The user's own files, and a variant with borrowed weights.
MINE = """
extends: custom
data: {root: images of mine}
variants: {ties: {weights_of: baseline, set: {detection.keep_ties: true}}}
tested: [{variants: [baseline, ties], split: val, modes: [single_scale]}]
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone in which nothing has run."""
    folder = clone_to(tmp_path_factory.mktemp("graphs"))
    (folder / "params/mine.yaml").write_text(MINE)
    return folder


def listed_by_both(clone, profile, *arguments):
    """What Snakemake lists of a profile; and the commands, which DVC has too."""
    listed = ok(snakemake(clone, "-n", "-p", *arguments, "--config", f"profile={profile}"))
    text = dvc_text(Graph(load_params(profile, folder=clone / "params")))
    stages = list(yaml.safe_load(text)["stages"].values())[1:]  # the first is what loading does
    assert commands_in(listed) == sorted(stage["cmd"] for stage in stages)
    return listed, commands_in(listed)


def test_the_paper_s_whole_graph_is_listed_by_both_on_as_many_gpus_as_there_are(clone):
    listed, commands = listed_by_both(clone, "paper", "--resources", "gpu=2")
    assert Counter(command.split()[1] for command in commands) == PAPER | dict.fromkeys(ONCE, 1)
    assert "--devices 2 " in listed
    assert "--devices 10 " not in listed


def test_of_one_s_own_files_and_borrowed_weights_both_list_the_same(clone):
    _, commands = listed_by_both(clone, "mine")
    assert sum("--variant ties" in command for command in commands) == 2


def test_bad_params_are_one_line_not_a_traceback(clone):
    done = snakemake(clone, "-n", "--config", "profile=demo", "set=train.iteratons=3")
    assert done.returncode != 0
    assert "did you mean 'iterations'?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_snakefile_is_short_and_every_rule_complete():
    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) < 60
    for path in (REPOSITORY / "workflow/rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            for word in ("log:", "benchmark:", "resources:", "message:", "conda:"):
                assert f"    {word}\n" in rule, (path.name, rule.split(":")[0], word)
