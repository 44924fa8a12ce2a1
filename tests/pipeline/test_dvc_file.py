"""dvc.yaml is what the description says, for the profile that params/profile.yaml names."""

from pathlib import Path

import pytest
import yaml

from cornernet.errors import BadInput
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.engines.dvc_file import check_dvc_file, dvc_name, dvc_text

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def here(graph_of, tmp_path):
    """The graph of smoke, in a folder whose params/profile.yaml names it."""
    (tmp_path / "params").mkdir()
    (tmp_path / "params/profile.yaml").write_text("profile: smoke\n")
    return graph_of


def test_the_committed_file_is_what_the_command_writes(graph_of):
    profile = yaml.safe_load((REPOSITORY / "params/profile.yaml").read_text())["profile"]
    committed = (REPOSITORY / "dvc.yaml").read_text()
    assert committed == dvc_text(graph_of(profile)), "write it anew: cornernet dvc-yaml"


@pytest.mark.parametrize("profile", ["smoke", "differences"])
def test_every_job_is_a_stage_with_its_inputs_and_outputs(graph_of, profile):
    graph = graph_of(profile)
    stages = yaml.safe_load(dvc_text(graph))["stages"]
    assert "matrix" not in dvc_text(graph)
    jobs = [(stage, key) for stage in STAGES.values() for key in stage.jobs(graph)]
    assert len(stages) == 1 + len(jobs)
    for stage, key in jobs:
        entry = stages[dvc_name(graph.paths, stage.name, key)]
        outs = [*entry.get("outs", []), *entry.get("metrics", []), *entry.get("plots", [])]
        named = [out if isinstance(out, str) else next(iter(out)) for out in outs]
        assert sorted(named) == sorted(map(str, stage.outputs(graph.paths, key)))
        params = [next(iter(file)) for file in entry.get("params", [])]
        for path in map(str, stage.all_inputs(graph, key)):
            folder = str(Path(path).parent)
            assert path in entry["deps"] or path in params or folder in entry["deps"], path
    assert stages[f"inputs-{profile}"]["always_changed"]


def test_a_file_of_another_profile_or_of_other_tests_is_refused(here):
    Path("dvc.yaml").write_text(dvc_text(here("smoke")))
    check_dvc_file(here("smoke"))
    with pytest.raises(BadInput, match="write it anew: cornernet dvc-yaml"):
        check_dvc_file(here("smoke", "train.seeds=[0, 1]"))
    with pytest.raises(BadInput, match=r"params/profile.yaml names smoke.*cornernet dvc-yaml"):
        check_dvc_file(here("demo"))


def test_imported_weights_are_a_target_of_snakemake_alone(graph_of):
    with pytest.raises(BadInput, match="snakemake released_weights --config weights=FILE"):
        dvc_text(graph_of("released_weights"))
