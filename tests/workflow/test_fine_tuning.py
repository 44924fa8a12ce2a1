"""`train.init` by the real programs: in both engines, and from COCO's images to blood cells."""

import hashlib
import json
from dataclasses import asdict

import pytest
import torch
import yaml

from cornernet.config import load_params
from cornernet.model.network import CornerNet
from cornernet.model.weights import save_weights
from workflow.clone import REPOSITORY, clone_to, dvc, edited, ok, repository_in, run, snakemake
from workflow.graphs import dvc_changed, left_to_snakemake
from workflow.test_interchange import kinds

pytestmark = pytest.mark.slow
WEIGHTS = "data/smoke/models/baseline-s0.safetensors"
SHARED = REPOSITORY.parent / "shared" / "data"


def untrained(path, profile, categories, seed=0):
    """Weights of an untrained network; returns the file's digest."""
    torch.manual_seed(seed)
    params = load_params(profile).model
    save_weights(path, CornerNet(categories, params).state_dict(), {"model": asdict(params)})
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.long
def test_both_engines_train_anew_when_the_weights_change(tmp_path):
    folder = repository_in(tmp_path, "smoke")
    params, init = folder / "params/smoke.yaml", folder / "w.safetensors"
    params.write_text(edited("train:\n", "train:\n  init: w.safetensors\n")(params.read_text()))
    ok(run(folder, "cornernet", "dvc-yaml"))
    digest = untrained(init, "smoke", 7)
    ok(dvc(folder, "repro", "train-smoke-baseline-s0"))
    provenance = folder / "data/smoke/models/baseline-s0.provenance.json"
    assert json.loads(provenance.read_text())["init_digest"] == digest
    assert left_to_snakemake(folder, WEIGHTS) == []
    digest = untrained(init, "smoke", 7, seed=1)
    assert kinds(left_to_snakemake(folder, WEIGHTS)) == {"train": 1}
    assert "train-smoke-baseline-s0" in dvc_changed(folder)
    ok(snakemake(folder, WEIGHTS))
    assert json.loads(provenance.read_text())["init_digest"] == digest
    log = (folder / "data/smoke/logs/train-baseline-s0.log").read_text()
    assert "was made with something else (data.init: " in log
    assert "starts from w.safetensors (7 categories)" in log


SHORT = {"iterations": 2, "chunks": [2], "learning_rate_drops": [], "validate": {"every": 0}}
COCO = {
    "train": {"images": "train2017", "annotations": "annotations/instances_train2017.json"},
    "val": {"images": "val2017", "annotations": "annotations/instances_val2017.json"},
}
BRANCHES = ", ".join(
    f"{corner}.{n}.heatmap" for corner in ("top_left", "bottom_right") for n in (0, 1)
)


@pytest.mark.skipif(not (SHARED / "bccd").is_dir(), reason="needs ../shared/data/bccd")
def test_blood_cells_start_from_a_model_of_coco_and_not_from_the_demo_s(tmp_path):
    """Both with custom's own network, for two iterations each."""
    folder = clone_to(tmp_path)
    data = {"mini": {"root": str(SHARED / "coco_mini"), "splits": COCO}}
    data["blood"] = {"root": str(SHARED / "bccd")}
    init = "data/mini/models/baseline-s0.safetensors"
    for name, train in (("mini", SHORT), ("blood", {**SHORT, "init": init})):
        profile = {"extends": "custom", "data": data[name], "train": train}
        (folder / f"params/{name}.yaml").write_text(yaml.safe_dump(profile))
        for stage in ("download", "prepare", "radii", "train"):
            said = ok(run(folder, "cornernet", stage, "--profile", name))
    assert f"starts from {init} (80 categories): " in said
    assert f"drawn at random for 3 categories: {BRANCHES}\n" in said
    untrained(folder / "demo.safetensors", "demo", 4)
    again = ("train", "--profile", "blood", "--seed", "1", "--set", "train.init=demo.safetensors")
    refused = run(folder, "cornernet", *again)
    assert refused.returncode == 2
    line = refused.stderr.splitlines()[-1]
    differing = "model.pool_channels: 16 -> 32"
    assert f"train.init demo.safetensors: weights of another network ({differing}" in line
