"""What a job depends on besides data: its params and its code as files, and nothing else."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.staleness.resolved import files_of_job, refresh, stage_params


@pytest.mark.parametrize(
    ("override", "touched"),
    [
        ("train.learning_rate=0.5", {"train", "claims", "report"}),
        ("detection.soft_nms.sigma=0.7", {"predict", "corners", "figures", "claims", "report"}),
        ("targets.min_iou=0.5", {"radii", "train", "figures", "claims", "report"}),
        ("evaluation.confidence=0.9", {"evaluate", "tables", "figures", "claims", "report"}),
        ("report.title=other", {"tables", "figures", "claims", "report"}),
        ("train.checkpoint_every=7", {"report"}),
        ("detection.batch_size=3", set()),
    ],
)
def test_a_param_touches_the_stages_that_use_it(graph_of, override, touched):
    before, after = graph_of("smoke").params, graph_of("smoke", override).params
    changed = {s for s in STAGES if stage_params(before, s) != stage_params(after, s)}
    assert changed == touched


def test_every_job_has_files_that_are_rewritten_only_when_their_content_changes(graph_of):
    graph = graph_of("smoke")
    refresh(graph)
    jobs = [stage.job_name(key) for stage in STAGES.values() for key in stage.jobs(graph)]
    assert {path.stem for path in graph.paths.data.glob("code/*")} == set(jobs)
    assert "train-baseline-s0" in jobs
    written = yaml.safe_load(graph.paths.params("train", "full_schedule").read_text())
    assert written["train"]["iterations"] == 9
    assert written["continues"] == "baseline"
    files = [*graph.paths.data.glob("params/*"), *graph.paths.data.glob("code/*")]
    files += [graph.paths.files, graph.paths.accepted]
    times = {path: path.stat().st_mtime_ns for path in files}
    refresh(graph_of("smoke"))
    assert {path: path.stat().st_mtime_ns for path in files} == times
    refresh(graph_of("smoke", "train.learning_rate=0.5"))
    changed = {path.name for path in files if path.stat().st_mtime_ns != times[path]}
    trained = {f"train-{model.variant}.yaml" for model in graph.trained}
    assert changed == trained | {"claims.yaml", "report.yaml"}


def test_weights_to_start_from_are_an_input_of_the_first_training_alone(graph_of):
    graph = graph_of("smoke", "train.init=w.safetensors")
    inputs = {m.variant: STAGES["train"].inputs(graph, m) for m in graph.trained}
    with_them = [name for name, paths in inputs.items() if Path("w.safetensors") in paths]
    assert with_them == ["baseline"]
    assert "init" not in stage_params(graph_of("smoke").params, "train")["train"]  # as before


def test_a_split_that_is_not_named_leaves_the_graph(graph_of):
    whole = graph_of("demo")
    assert whole.submitted
    data = whole.params.data
    splits = {name: files for name, files in data.splits.items() if name != "test_dev"}
    params = dataclasses.replace(whole.params, data=dataclasses.replace(data, splits=splits))
    without = dataclasses.replace(whole, params=params)
    assert not without.submitted
    assert without.tested == tuple(t for t in whole.tested if t.split != "test_dev")


BORROWED = "variants.ties={weights_of: full_schedule, set: {detection.keep_ties: true}}"
TESTED = "tested=[{variants: [ties], split: val, modes: [single_scale]}]"


def test_borrowed_weights_are_trained_by_their_own_name_and_nothing_is_trained_anew(graph_of):
    graph = graph_of("smoke", BORROWED, TESTED)
    (tested,) = graph.tested
    lender = graph.weights_of(tested.trained)
    assert str(lender) == "full_schedule-s0"
    assert graph.weights_of(lender) == lender
    assert [str(trained) for trained in graph.trained] == ["baseline-s0", "full_schedule-s0"]
    assert graph.imported == ()
    files = files_of_job(graph, STAGES["predict"], tested)
    written = yaml.safe_load(files[graph.paths.params("predict", "ties")])
    assert written["weights_of"] == "full_schedule"
    assert written["detection"]["keep_ties"] is True
    alone = files_of_job(graph_of("smoke"), STAGES["train"], lender)
    assert files_of_job(graph, STAGES["train"], lender) == alone
    # Imported weights can be borrowed too.
    ties = "variants.ties={weights_of: released_weights, set: {detection.keep_ties: false}}"
    graph = graph_of("released_weights", ties, TESTED)
    assert graph.trained == ()
    assert [str(trained) for trained in graph.imported] == ["released_weights-s0"]
