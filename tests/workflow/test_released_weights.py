"""The authors' weights by one target: imported, tested, reported, nothing trained."""

import pandas as pd
import pytest
import torch
from parity.recipe import parameter

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.model.network import CornerNet
from cornernet.model.released import released_name
from workflow.clone import clone_to, snakemake

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
  - {variants: [released_weights], split: val, modes: [single_scale, gt_heatmaps, gt_heatmaps_offsets]}
  - {variants: [released_weights], split: test_dev, modes: [single_scale, multi_scale]}
"""


def write_released(path, model):
    """A file as the authors saved theirs, with weights made from the recipe."""
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in CornerNet(4, model).state_dict().items()}
    tensors = {}
    for name, shape in shapes.items():
        released = released_name(name)
        tensors[f"module.{released}"] = torch.from_numpy(parameter(released, shape, "test"))
    torch.save(tensors, path)
    return tensors


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = clone_to(tmp_path_factory.mktemp("released"))
    (folder / "params/released_weights.yaml").write_text(TINY)
    return folder


@pytest.mark.slow
def test_one_target_imports_tests_and_reports(clone):
    params = load_params("released_weights", folder=clone / "params")
    write_released(clone / "released.pkl", params.model)
    done = snakemake(clone, "released_weights", "--config", "weights=released.pkl")
    assert done.returncode == 0, done.stdout + done.stderr
    results = pd.read_csv(clone / "reports/released_weights/results.csv")
    assert set(results["variant"]) == {"released_weights"}
    ap = results[results["metric"] == "AP"]
    assert len(ap) == 5
    assert ap["value"].notna().all()
    assert (clone / "reports/released_weights/index.html").is_file()
    assert not list((clone / "data/released_weights/models").glob("*.state"))


def test_without_the_file_it_says_what_to_give(clone):
    done = snakemake(clone, "-n", "released_weights")
    assert done.returncode != 0
    assert "--config weights=CornerNet_500000.pkl" in done.stdout + done.stderr


def test_a_file_that_is_not_there_is_named(clone):
    done = snakemake(clone, "-n", "released_weights", "--config", "weights=nowhere.pkl")
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "weights=nowhere.pkl: no such file" in text
    assert "Traceback" not in text


def test_a_damaged_file_stops_the_workflow_with_one_line(clone):
    write_released(
        clone / "whole.pkl", load_params("released_weights", folder=clone / "params").model
    )
    (clone / "half.pkl").write_bytes((clone / "whole.pkl").read_bytes()[:5000])
    done = snakemake(
        clone, "released_weights", "--until", "import_weights", "--config", "weights=half.pkl"
    )
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "cornernet import-weights: half.pkl: truncated or not a file of torch" in text
    assert "Traceback" not in text
    assert not list((clone / "data/released_weights").rglob("*.safetensors"))


def test_the_command_refuses_other_networks_and_writes_nothing(clone, monkeypatch, capsys):
    monkeypatch.chdir(clone)
    params = load_params("released_weights", folder=clone / "params")
    write_released(clone / "some.pkl", params.model)
    out = clone / "out.safetensors"
    command = ["import-weights", "some.pkl", "--out", str(out), "--profile"]
    assert main([*command, "smoke"]) == 2
    assert "use profile as_run or released" in capsys.readouterr().err
    (clone / "some.pkl").write_bytes((clone / "some.pkl").read_bytes()[:5000])
    assert main([*command, "released_weights"]) == 2
    assert not out.exists()


def test_an_imported_variant_cannot_be_trained(clone, monkeypatch, capsys):
    monkeypatch.chdir(clone)
    assert main(["train", "--profile", "released_weights", "--variant", "released_weights"]) == 2
    assert "is not trained; `cornernet import-weights" in capsys.readouterr().err
