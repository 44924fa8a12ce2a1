"""The workflow by the real Snakemake: the paper's graph, its errors, what reruns after a change."""

import json
import os
import shutil

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
    done = snakemake(untouched, "-n", "--resources", "gpu=10")
    assert planned_jobs(done) == WHOLE
    assert "gpu=10" in done.stdout + done.stderr


def test_with_fewer_gpus_a_training_asks_for_those(untouched):
    done = snakemake(untouched, "-n", "--resources", "gpu=2")
    text = done.stdout + done.stderr
    assert planned_jobs(done)["train"] == 5
    assert "gpu=2" in text
    assert "gpu=10" not in text


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


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A clone in which the smoke profile has run."""
    folder = clone_to(tmp_path_factory.mktemp("finished"))
    done = snakemake(folder, "--config", "profile=smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    times = {str(path): path.stat().st_mtime_ns for path in stage_files(folder)}
    (folder / "times.json").write_text(json.dumps(times))
    return folder


def stage_files(folder):
    """The params and code files that stages depend on."""
    return [
        path for name in ("params", "code") for path in (folder / "data/smoke" / name).iterdir()
    ]


def as_after_the_run(folder):
    """Params and code files with the content and the times that they had after the run.

    Dry runs with other settings write them to and fro, and without Snakemake's records a newer
    file is all that it can go by.
    """
    assert rerun(folder) == {}
    for name, time in json.loads((folder / "times.json").read_text()).items():
        os.utime(name, ns=(time, time))


def rerun(folder, *settings):
    """The jobs that a run with these settings would do."""
    done = snakemake(folder, "-n", "--config", "profile=smoke", *settings)
    return planned_jobs(done)


AFTER_METRICS = {"tables": 1, "figures": 1, "claims": 1, "report": 1}
AFTER_WEIGHTS = {"predict": 9, "corners": 2, "submit": 2, "evaluate": 9, **AFTER_METRICS}


@pytest.mark.slow
def test_a_finished_run_has_nothing_to_do(finished):
    assert rerun(finished) == {}
    assert (finished / "reports/smoke/index.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("detection.soft_nms.sigma=0.7", AFTER_WEIGHTS),
        ("train.learning_rate=0.002", {"train": 5, **AFTER_WEIGHTS}),
        ("evaluation.confidence=0.9", {"evaluate": 9, **AFTER_METRICS}),
        ("report.examples=1", AFTER_METRICS),
        ("detection.batch_size=3", {}),
        ("train.checkpoint_every=4", {"report": 1}),
    ],
)
def test_a_changed_param_reruns_what_depends_on_it(finished, metadata, setting, expected):
    """Also when Snakemake remembers nothing of how the outputs were made."""
    as_after_the_run(finished)
    kept, away = finished / ".snakemake", finished / ".snakemake-away"
    if not metadata:
        kept.rename(away)
    try:
        assert rerun(finished, f"set={setting}") == expected
    finally:
        if not metadata:
            shutil.rmtree(kept)
            away.rename(kept)
    assert rerun(finished) == {}  # with its records Snakemake sees that the content is as before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("model/losses.py", {"train": 5, **AFTER_WEIGHTS}),
        ("detection/soft_nms.py", AFTER_WEIGHTS),
        ("evaluation/bootstrap.py", {"evaluate": 9, **AFTER_METRICS}),
        ("reporting/page.py", {"report": 1}),
    ],
)
def test_a_changed_source_file_reruns_the_stages_that_use_it(finished, module, expected):
    source = finished / "src/cornernet" / module
    text = source.read_text()
    try:
        source.write_text(text + "\nNEW = 1\n")
        assert rerun(finished) == expected
        source.write_text(text + "\n# a remark\n")
        assert rerun(finished) == {}
    finally:
        source.write_text(text)
        assert rerun(finished) == {}
