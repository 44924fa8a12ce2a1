"""The workflow by the real Snakemake: the paper's graph, its errors.

What reruns after a change, in both engines, is in test_interchange.py.
"""

import pytest

from workflow.clone import clone_to, planned_jobs, snakemake

WHOLE = {
    "download": 1,
    "prepare": 1,
    "radii": 1,
    "tracking": 1,
    "train": 5,
    "predict": 9,
    "corners": 2,
    "submit": 2,
    "evaluate": 9,
    "tables": 1,
    "figures": 1,
    "claims": 1,
    "report": 1,
}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A clone in which nothing has run."""
    return clone_to(tmp_path_factory.mktemp("clone"))


def test_the_paper_s_whole_graph_is_listed(untouched):
    done = snakemake(untouched, "-n", "-p", "--resources", "gpu=10")
    assert planned_jobs(done) == WHOLE
    assert "--devices 10 " in done.stdout + done.stderr


def test_with_fewer_gpus_a_training_asks_for_those(untouched):
    done = snakemake(untouched, "-n", "-p", "--resources", "gpu=2")
    text = done.stdout + done.stderr
    assert planned_jobs(done)["train"] == 5
    assert "--devices 2 " in text
    assert "--devices 10 " not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["profile=demmo"], "did you mean 'demo'?"),
        (["profile=demo", "set=train.iteratons=3"], "did you mean 'iterations'?"),
    ],
)
def test_bad_params_are_one_line_not_a_traceback(untouched, arguments, expected):
    done = snakemake(untouched, "-n", "--config", *arguments)
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert expected in text
    assert "Traceback" not in text


def test_the_snakefile_is_short_and_every_rule_complete():
    from workflow.clone import REPOSITORY

    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) < 60
    for path in (REPOSITORY / "workflow/rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            for word in ("log:", "benchmark:", "resources:", "message:", "conda:"):
                assert f"    {word}\n" in rule, (path.name, rule.split(":")[0], word)
