"""Snakemake and DVC take each other's work as done, at any point: the real programs, smoke profile."""

import shutil

import pytest

from workflow.clone import RAN, changed_file, dvc, edited, ok, snakemake
from workflow.graphs import dvc_changed, left_to_dvc, left_to_snakemake

pytestmark = pytest.mark.slow


def kinds(commands):
    """How many of each stage."""
    names = [command.split()[1] for command in commands]
    return {name: names.count(name) for name in names}


def test_what_snakemake_made_both_take_as_done(by_snakemake):
    assert left_to_snakemake(by_snakemake) == []
    assert dvc_changed(by_snakemake) == set()
    assert RAN.findall(ok(dvc(by_snakemake, "repro"))) == ["inputs-smoke"]
    assert left_to_snakemake(by_snakemake) == []


@pytest.mark.long
def test_what_dvc_made_snakemake_takes_as_done(by_dvc):
    assert left_to_snakemake(by_dvc) == []
    shutil.rmtree(by_dvc / ".snakemake")  # and without any record of its own
    assert left_to_snakemake(by_dvc) == []
    assert dvc_changed(by_dvc) == set()


AFTER_METRICS = {"tables": 1, "figures": 1, "claims": 1, "report": 1}
AFTER_WEIGHTS = {"predict": 3, "corners": 1, "submit": 1, "evaluate": 3, **AFTER_METRICS}
AFTER_RADII = {"radii": 1, "train": 2, **AFTER_WEIGHTS}
HALVES = ("halves: 20\n", "halves: 0\n")


@pytest.mark.long
@pytest.mark.parametrize(
    ("made_by", "change", "expected"),
    [
        ("by_dvc", ("model:\n", "targets: {min_iou: 0.5}\nmodel:\n"), AFTER_RADII),
        ("by_dvc", ("  max_pairs: 50\n", "  max_pairs: 50\n  batch_size: 3\n"), {}),
        # with Snakemake's records of how the outputs were made
        ("by_snakemake", ("max_pairs: 50", "max_pairs: 40"), AFTER_WEIGHTS),
    ],
)
def test_a_changed_param_reruns_the_same_stages_in_both(made_by, change, expected, request):
    folder = request.getfixturevalue(made_by)
    params = folder / "params/smoke.yaml"
    with changed_file(params, edited(*change)):
        asked = left_to_snakemake(folder)
        assert kinds(asked) == expected
        assert left_to_dvc(folder) == asked
    # Put back, it leaves nothing to do.
    assert left_to_snakemake(folder) == left_to_dvc(folder) == []


@pytest.mark.long
def test_half_by_one_and_the_rest_by_the_other(by_snakemake):
    """And what DVC made with new params is not taken for what Snakemake made with the old ones."""
    params = by_snakemake / "params/smoke.yaml"
    metrics = "reports/smoke/metrics/baseline-s0-val-single_scale.json"
    stage = "evaluate-smoke-baseline-s0-val-single_scale"
    before = (by_snakemake / metrics).read_bytes()
    with changed_file(params, edited(*HALVES)):
        assert stage in RAN.findall(ok(dvc(by_snakemake, "repro", stage)))
        assert kinds(left_to_snakemake(by_snakemake))["evaluate"] == 2  # of three, that one is done
        ok(snakemake(by_snakemake, "reports/smoke/results.csv"))
        assert left_to_dvc(by_snakemake) == left_to_snakemake(by_snakemake)
        ok(dvc(by_snakemake, "repro"))
        assert left_to_snakemake(by_snakemake) == []
        assert (by_snakemake / metrics).read_bytes() != before
    # Snakemake's own records of the first run, with the first params, say nothing of these files.
    asked = left_to_snakemake(by_snakemake)
    assert kinds(asked)["evaluate"] == 3
    assert left_to_dvc(by_snakemake) == asked
    ok(snakemake(by_snakemake))
    assert (by_snakemake / metrics).read_bytes() == before
    assert dvc_changed(by_snakemake) == set()
