"""The authors' weights by one target: imported, tested, reported, nothing trained."""

import pandas as pd
import pytest
import torch

from cornernet.config import load_params
from cornernet.model.network import CornerNet
from cornernet.model.released import released_name
from workflow.clone import clone_to, ok, snakemake

# The real profile's rows on the embedded data set, with a network of its make but small.
TINY = """
extends: smoke
model: {merge_kernel: 1}
corners: {variants: []}
report: {reference: journal}
variants:
  baseline: null
  no_corner_pooling: null
  no_penalty_reduction: null
  fixed_radius: null
  full_schedule: null
  released_weights: {imported: true}
tested:
  - {variants: [released_weights], split: val, modes: [single_scale, gt_heatmaps]}
  - {variants: [released_weights], split: test_dev, modes: [single_scale]}
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = clone_to(tmp_path_factory.mktemp("released"))
    (folder / "params/released_weights.yaml").write_text(TINY)
    params = load_params("released_weights", folder=folder / "params")
    state = CornerNet(4, params.model).state_dict()  # saved as the authors saved theirs
    released = {f"module.{released_name(name)}": tensor for name, tensor in state.items()}
    torch.save(released, folder / "my released.pkl")
    return folder


@pytest.mark.long
def test_one_target_imports_tests_and_reports(clone):
    ok(snakemake(clone, "released_weights", "--config", "weights=my released.pkl"))
    results = pd.read_csv(clone / "reports/released_weights/results.csv")
    assert set(results["variant"]) == {"released_weights"}
    ap = results[results["metric"] == "AP"]
    assert len(ap) == 3
    assert ap["value"].notna().all()
    assert (clone / "reports/released_weights/index.html").is_file()
    assert not list((clone / "data/released_weights/models").glob("*.state"))


@pytest.mark.slow
def test_a_file_that_is_not_given_or_damaged_stops_the_workflow_with_one_line(clone):
    done = snakemake(clone, "-n", "released_weights")
    assert done.returncode != 0
    assert "--config weights=CornerNet_500000.pkl" in done.stdout + done.stderr
    (clone / "half.pkl").write_bytes((clone / "my released.pkl").read_bytes()[:5000])
    until = ("released_weights", "--until", "import_weights")
    done = snakemake(clone, *until, "--config", "weights=half.pkl")
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "cornernet import-weights: half.pkl: truncated or not a file of torch" in text
    assert "Traceback" not in text
    assert not list((clone / "data/released_weights").rglob("*.safetensors"))
