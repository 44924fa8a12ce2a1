"""Snakemake and DVC take each other's work as done, at any point: the real programs, smoke profile."""

import shutil

import pytest
import yaml

from workflow.clone import (
    RAN,
    UP_TO_DATE,
    changed_file,
    dvc,
    ok,
    planned_jobs,
    repository_in,
    snakemake,
)
from workflow.graphs import dvc_stages, snakemake_jobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def by_snakemake(tmp_path_factory):
    """A clone in which Snakemake has run everything."""
    folder = repository_in(tmp_path_factory.mktemp("by_snakemake"), "smoke")
    ok(snakemake(folder))
    return folder


def left_to_dvc(folder):
    """The commands that DVC would run: what it sees as changed, and all that comes after.

    Its dry run leaves out what lies behind a stage whose outputs may come out as they were.
    """
    ok(dvc(folder, "repro", "--quiet", "inputs@smoke"))  # as loading the Snakefile does
    stages = {stage["name"]: stage for stage in dvc_stages(folder)}
    changed = set(yaml.safe_load(ok(dvc(folder, "status", "--json"))))
    grown = True
    while grown:
        after = {name for name, stage in stages.items() if set(stage["after"]) & changed}
        grown = not after <= changed
        changed |= after
    return sorted(stages[name]["command"] for name in changed)


def left_to_snakemake(folder):
    """The commands that Snakemake would run."""
    return sorted(job.command for job in snakemake_jobs(folder) if job.to_run)


def kinds(commands):
    """How many of each stage."""
    names = [command.split()[1] for command in commands]
    return {name: names.count(name) for name in names}


def test_what_snakemake_made_dvc_takes_as_done(by_snakemake):
    assert ok(dvc(by_snakemake, "status")).strip() == UP_TO_DATE
    assert not RAN.findall(ok(dvc(by_snakemake, "repro")))
    assert planned_jobs(snakemake(by_snakemake, "-n")) == {}


def test_what_dvc_made_snakemake_takes_as_done(by_dvc):
    assert planned_jobs(snakemake(by_dvc, "-n")) == {}
    shutil.rmtree(by_dvc / ".snakemake")  # and without any record of its own
    assert planned_jobs(snakemake(by_dvc, "-n")) == {}
    assert ok(dvc(by_dvc, "status")).strip() == UP_TO_DATE


AFTER_METRICS = {"tables": 1, "figures": 1, "claims": 1, "report": 1}
AFTER_WEIGHTS = {"predict": 9, "corners": 2, "submit": 2, "evaluate": 9, **AFTER_METRICS}
CHANGES = [
    ("train: {learning_rate: 0.002}", {"train": 5, **AFTER_WEIGHTS}),
    ("targets: {min_iou: 0.5}", {"radii": 1, "train": 5, **AFTER_WEIGHTS}),
    ("detection: {soft_nms: {sigma: 0.7}}", AFTER_WEIGHTS),
    ("evaluation: {confidence: 0.9}", {"evaluate": 9, **AFTER_METRICS}),
    ("report: {title: other}", AFTER_METRICS),
    ("detection: {batch_size: 3}", {}),
]


@pytest.mark.parametrize(
    ("made_by", "change", "expected"),
    # with Snakemake's records of how the outputs were made, and without any
    [("by_dvc", *change) for change in CHANGES] + [("by_snakemake", *c) for c in CHANGES[2:4]],
)
def test_a_changed_param_reruns_the_same_stages_in_both(made_by, change, expected, request):
    folder = request.getfixturevalue(made_by)
    params = folder / "params/smoke.yaml"
    with changed_file(params, lambda text: merged(text, yaml.safe_load(change))):
        asked = left_to_snakemake(folder)
        assert kinds(asked) == expected
        assert left_to_dvc(folder) == asked
    assert left_to_snakemake(folder) == left_to_dvc(folder) == []


def merged(text, change):
    """A params file with a tree of values put in."""

    def put(tree, values):
        for key, value in values.items():
            if isinstance(value, dict):
                put(tree.setdefault(key, {}), value)
            else:
                tree[key] = value
        return tree

    return yaml.safe_dump(put(yaml.safe_load(text), change))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("model/losses.py", {"train": 5, **AFTER_WEIGHTS}),
        ("detection/soft_nms.py", AFTER_WEIGHTS),
        ("evaluation/bootstrap.py", {"evaluate": 9, **AFTER_METRICS}),
        ("reporting/page.py", {"report": 1}),
    ],
)
def test_a_changed_source_file_reruns_the_same_stages_in_both(by_dvc, module, expected):
    with changed_file(by_dvc / "src/cornernet" / module, lambda text: text + "\nNEW = 1\n"):
        asked = left_to_snakemake(by_dvc)
        assert kinds(asked) == expected
        assert left_to_dvc(by_dvc) == asked
    assert left_to_snakemake(by_dvc) == left_to_dvc(by_dvc) == []
    with changed_file(by_dvc / "src/cornernet" / module, lambda text: text + "\n# a remark\n"):
        assert left_to_snakemake(by_dvc) == []


def test_half_by_one_and_the_rest_by_the_other(by_snakemake):
    """And what DVC made with new params is not taken for what Snakemake made with the old ones."""
    params = by_snakemake / "params/smoke.yaml"
    other = "detection: {soft_nms: {sigma: 0.7}}"
    detections = "data/smoke/detections/baseline-s0-val-single_scale.json"
    stage = "predict_val@smoke-baseline-0-val-single_scale"
    before = (by_snakemake / detections).read_bytes()
    with changed_file(params, lambda text: merged(text, yaml.safe_load(other))):
        ran = RAN.findall(ok(dvc(by_snakemake, "repro", stage)))
        assert stage in ran
        asked = left_to_snakemake(by_snakemake)  # of what is left, that one is done
        assert not any("baseline --seed 0 --split val --mode single" in c and "predict" in c
                       for c in asked)  # fmt: skip
        ok(snakemake(by_snakemake, "reports/smoke/results.csv"))
        assert left_to_dvc(by_snakemake) == left_to_snakemake(by_snakemake)
        ok(dvc(by_snakemake, "repro"))
        assert left_to_snakemake(by_snakemake) == []
    # Snakemake's own records of the first run, with the first params, say nothing of these files.
    asked = left_to_snakemake(by_snakemake)
    assert kinds(asked).get("predict") == 9
    assert left_to_dvc(by_snakemake) == asked
    ok(snakemake(by_snakemake))
    assert (by_snakemake / detections).read_bytes() == before
    assert ok(dvc(by_snakemake, "status")).strip() == UP_TO_DATE
