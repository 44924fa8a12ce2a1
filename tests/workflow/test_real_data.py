"""Real images through the whole workflow: COCO laid out as it is, and somebody's own folder."""

import json

import pandas as pd
import pytest
import yaml

from workflow.clone import REPOSITORY, clone_to, ok, snakemake

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
SHARED = REPOSITORY.parent / "shared" / "data"
TINY = """
augmentation: {input_size: 127}
model: {dims: [8, 12], modules: [1, 1], stem_channels: 4, pool_channels: 8}
train:
  iterations: 4
  learning_rate_drops: []
  chunks: [2, 2]
  devices: 1
  threads: 1
  workers: 0
  checkpoint_every: 2
  log_every: 1
detection: {threads: 1, top_corners: 20, max_pairs: 50}
evaluation: {halves: 20}
"""


@pytest.mark.skipif(not (SHARED / "coco_mini").is_dir(), reason="needs ../shared/data/coco_mini")
def test_coco_goes_through_every_stage_of_the_paper_s_graph(tmp_path):
    clone = clone_to(tmp_path)
    smoke = yaml.safe_load((clone / "params/smoke.yaml").read_text())
    profile = yaml.safe_load(TINY) | {key: smoke[key] for key in ("variants", "corners", "tested")}
    profile |= {"extends": "paper", "data": {"root": str(SHARED / "coco_mini")}}
    (clone / "params/coco_mini.yaml").write_text(yaml.safe_dump(profile))
    ok(snakemake(clone, "--config", "profile=coco_mini"))
    dataset = json.loads((clone / "data/coco_mini/dataset.json").read_text())
    assert len(dataset["categories"]) == 80
    counts = {name: split["images"] for name, split in dataset["splits"].items()}
    assert counts == {"train": 343, "val": 204, "test_dev": 60}
    results = pd.read_csv(clone / "reports/coco_mini/results.csv")
    scored = results[(results["split"] == "val") & (results["metric"] == "AP")]
    assert scored["value"].notna().all()
    assert len(scored) == 2
    with_gt = scored.set_index("mode")["value"]["gt_heatmaps_offsets"]
    assert with_gt > 1  # true heatmaps and offsets: even an untrained network groups some
    assert results.loc[results["split"] == "test_dev", "value"].isna().all()
    table = (clone / "reports/coco_mini/tables/table4.md").read_text()
    assert "submitted, not scored" in table
    assert "-1" not in table


@pytest.mark.skipif(not (SHARED / "bccd").is_dir(), reason="needs ../shared/data/bccd")
def test_a_folder_of_one_s_own_gives_its_categories(tmp_path):
    clone = clone_to(tmp_path)
    (clone / "params/mine.yaml").write_text(f"extends: custom\n{TINY}")
    ok(snakemake(clone, "--config", "profile=mine", f"set=data.root={SHARED / 'bccd'}"))
    dataset = json.loads((clone / "data/mine/dataset.json").read_text())
    assert [c["name"] for c in dataset["categories"]] == ["Platelets", "RBC", "WBC"]
    results = pd.read_csv(clone / "reports/mine/results.csv")
    assert set(results["variant"]) == {"baseline"}
    assert results["value"].notna().any()
    assert (clone / "reports/mine/index.html").is_file()
    again = snakemake(clone, "-n", "--config", "profile=mine", f"set=data.root={SHARED / 'bccd'}")
    assert "Nothing to be done" in again.stdout + again.stderr
