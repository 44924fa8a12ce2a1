"""What makes a result stale, by both engines, and what does not: the real programs, smoke profile."""

import json
import shutil
from contextlib import ExitStack

import pytest

from cornernet.cli import main
from workflow.clone import (
    RAN,
    changed_file,
    dvc,
    edited,
    ok,
    run,
    snakemake,
    start,
    wait_for,
)
from workflow.graphs import dvc_changed, left_to_dvc, left_to_snakemake
from workflow.test_interchange import AFTER_WEIGHTS, kinds

pytestmark = pytest.mark.slow

# (file of the package, what stands there, what it is changed to)
WORDS = [
    ("model/losses.py", '"""The training loss', '# a remark\n"""The loss in training'),
    ("training/start.py", "goes on from iteration", "continues at iteration"),
    ("errors.py", "SHOWN = 5", "SHOWN = 6"),
    ("pipeline/gpu_lease.py", "the CPU does the work", "the CPU works"),
]


def test_words_and_what_decides_nothing_rerun_nothing(by_snakemake):
    with ExitStack() as changes:
        for name, old, new in WORDS:
            change = edited(old, new)
            changes.enter_context(changed_file(by_snakemake / "src/cornernet" / name, change))
        assert left_to_snakemake(by_snakemake) == []
        assert dvc_changed(by_snakemake) == set()
        assert RAN.findall(ok(dvc(by_snakemake, "repro"))) == ["inputs-smoke"]


def test_changed_losses_make_models_stale_and_accept_keeps_them(by_snakemake):
    with changed_file(
        by_snakemake / "src/cornernet/model/losses.py", lambda text: text + "\nNEW = 1\n"
    ):
        asked = left_to_snakemake(by_snakemake)
        assert kinds(asked) == {"train": 2, **AFTER_WEIGHTS}
        assert left_to_dvc(by_snakemake) == asked
        reason = "NEW is used by nothing"
        ok(run(by_snakemake, "cornernet", "accept", "train", "--because", reason))
        assert kinds(left_to_snakemake(by_snakemake)) == {"report": 1}
        ran = RAN.findall(ok(dvc(by_snakemake, "repro")))
        assert ran == ["inputs-smoke", "report-smoke"]
        assert reason in (by_snakemake / "reports/smoke/index.html").read_text()
        assert left_to_snakemake(by_snakemake) == []
    # As it was when the models were made: nothing to accept, nothing to do.
    assert left_to_snakemake(by_snakemake) == left_to_dvc(by_snakemake) == []


@pytest.mark.long
def test_a_new_record_of_more_seeds_makes_the_claims_and_the_page_stale(by_snakemake):
    record = by_snakemake / "reports/records/demo_seeds"
    for name in ("claims.csv", "claims.csv.provenance.json"):
        shutil.copyfile(by_snakemake / "reports/smoke" / name, record / name)
    asked = left_to_snakemake(by_snakemake)
    assert kinds(asked) == {"claims": 1, "report": 1}
    assert left_to_dvc(by_snakemake) == asked
    ok(dvc(by_snakemake, "repro"))
    assert "(record of demo_seeds, " in (by_snakemake / "reports/smoke/index.html").read_text()
    assert left_to_snakemake(by_snakemake) == []
    for path in record.glob("claims.*"):
        path.unlink()
    assert left_to_dvc(by_snakemake) == asked
    ok(snakemake(by_snakemake))
    assert left_to_snakemake(by_snakemake) == left_to_dvc(by_snakemake) == []


@pytest.mark.long
def test_a_training_under_way_goes_on_with_changed_code_and_says_so(by_snakemake, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(by_snakemake, folder, symlinks=True)
    (folder / "dvc.lock").unlink()  # else Snakemake looks first at what DVC has made
    params = folder / "params/smoke.yaml"
    longer = edited("  iterations: 6\n", "  iterations: 60\n")(params.read_text())
    params.write_text(edited("validate: {every: 3,", "validate: {every: 0,")(longer))
    checkpoints = folder / "data/smoke/checkpoints/baseline-s0"
    shutil.rmtree(checkpoints)
    begun = start(folder, "cornernet", "train", "--profile", "smoke")
    wait_for(lambda: any(checkpoints.glob("iteration-*.pt")), begun)
    begun.terminate()
    assert begun.wait(60) == 1
    losses = folder / "src/cornernet/model/losses.py"
    losses.write_text(losses.read_text() + "\nNEW = 1\n")
    weights = "data/smoke/models/baseline-s0.safetensors"
    said = ok(snakemake(folder, "--show-failed-logs", weights))
    log = (folder / "data/smoke/logs/train-baseline-s0.log").read_text()
    assert log.count("cornernet.model.losses changed since iteration") == 1, said
    made = json.loads((folder / "data/smoke/models/baseline-s0.provenance.json").read_text())
    first, second = made["code_spans"]
    assert (first["from"], second["to"]) == (0, 60)
    assert first["to"] == second["from"] > 0
    assert first["code"] != second["code"] == made["code"]
    ok(run(folder, "cornernet", "report", "--profile", "smoke"))
    page = (folder / "reports/smoke/index.html").read_text()
    assert f"{second['from']}" in page
    assert "cornernet.model.losses" in page


@pytest.mark.long
def test_replaced_images_are_noticed_and_put_back_they_are_the_same(by_snakemake):
    folder = by_snakemake / "data/smoke/shapes/val"
    first, second = sorted(folder.iterdir())[:2]
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    refused = run(by_snakemake, "cornernet", "corners", "--profile", "smoke")
    assert refused.returncode == 2
    assert "cornernet prepare" in refused.stderr
    assert kinds(left_to_snakemake(by_snakemake))["prepare"] == 1
    assert left_to_dvc(by_snakemake)[0].split()[1] in ("claims", "corners")  # all that hangs on it
    first.write_bytes(one)
    second.write_bytes(other)
    assert left_to_snakemake(by_snakemake) == left_to_dvc(by_snakemake) == []


@pytest.mark.parametrize("stage", ["radii", "train", "predict", "corners", "figures", "evaluate"])
def test_annotations_changed_after_prepare_are_refused(by_snakemake, stage, monkeypatch, capsys):
    monkeypatch.chdir(by_snakemake)
    split = "train" if stage in ("radii", "train") else "val"
    path = by_snakemake / f"data/smoke/shapes/annotations/instances_{split}.json"
    before = path.read_bytes()
    tree = json.loads(before)
    tree["categories"].insert(0, {"id": 0, "name": "another"})
    path.write_text(json.dumps(tree))
    try:
        assert main([stage, "--profile", "smoke"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "cornernet prepare" in line
    finally:
        path.write_bytes(before)


STAGE = """
from cornernet.pipeline.stage import Stage
COUNT = Stage(
    name="count",
    summary="how many radii there are",
    inputs=lambda graph, key: [graph.paths.radii],
    outputs=lambda paths, key: [paths.reports / "count.txt"],
    deciding=("cornernet.stages.count",),
)
"""
ADAPTER = """
import pandas as pd
from cornernet.files import write_text
def run(job):
    write_text(job.paths.reports / "count.txt", f"{len(pd.read_parquet(job.paths.radii))}\\n")
"""
RULE = """

rule count:
    input: inputs("count")
    output: outputs("count")
    log: log_of("count")
    params: options=OPTIONS
    message: message_of("count")
    shell: command("count")
"""


@pytest.mark.long
def test_a_new_stage_touches_its_adapter_its_description_and_its_rule(by_snakemake, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(by_snakemake, folder, symlinks=True)
    package = folder / "src/cornernet"
    (package / "stages/count.py").write_text(ADAPTER)
    (package / "pipeline/descriptions/count.py").write_text(STAGE)
    listed = package / "pipeline/descriptions/__init__.py"
    text = edited("PREPARE, RADII, *", "PREPARE, RADII, COUNT, *")(listed.read_text())
    listed.write_text(f"from cornernet.pipeline.descriptions.count import COUNT\n{text}")
    rules = folder / "workflow/rules/data.smk"
    rules.write_text(rules.read_text() + RULE)
    ok(run(folder, "cornernet", "dvc-yaml"))
    assert "cornernet count --profile smoke" in (folder / "dvc.yaml").read_text()
    ok(snakemake(folder, "reports/smoke/count.txt"))
    assert int((folder / "reports/smoke/count.txt").read_text()) > 0
    assert "count" in ok(run(folder, "cornernet", "--help"))
    (folder / "reports/smoke/count.txt").unlink()
    assert "count-smoke" in RAN.findall(ok(dvc(folder, "repro", "count-smoke")))
    provenance = json.loads((folder / "reports/smoke/count.txt.provenance.json").read_text())
    assert list(provenance["code"]) == ["cornernet.stages.count"]
    assert left_to_snakemake(folder) == []
