"""Every stage, by its command, on the smallest profile: from nothing to the page."""

import json
import shutil
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.staleness.code import ROOT
from cornernet.pipeline.staleness.deciding import exempt
from cornernet.stages import train as train_stage
from cornernet.training.loop import alone

REPOSITORY = Path(__file__).parents[2]


RAN = defaultdict(set)  # stage -> the package's modules of which a function ran


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the params, in which all stages of the smoke profile have run."""
    folder = tmp_path_factory.mktemp("pipeline")
    shutil.copytree(REPOSITORY / "params", folder / "params")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with patch.context() as in_this_process:  # where functions that run are seen
            in_this_process.setattr(train_stage, "run_on", lambda devices, nodes, *job: alone(*job))
            run_all()
        yield folder


@contextmanager
def traced(name):
    """Note the package's modules of which a function runs, in this thread and in new ones."""

    def note(frame, event, argument):
        file, function = frame.f_code.co_filename, frame.f_code.co_name
        if event == "call" and file.startswith(str(ROOT)) and function != "<module>":
            RAN[name].add(file)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def stage(name, *more):
    with traced(name):
        assert main([name, "--profile", "smoke", *more]) == 0, (name, *more)


def test_every_function_that_ran_decides_or_is_exempt(place):
    wrong = set()
    for name, files in RAN.items():
        for file in files:
            parts = Path(file).relative_to(ROOT.parent).with_suffix("").parts
            module = ".".join(part for part in parts if part != "__init__")
            in_template = not file.endswith(".py")  # jinja's functions
            if not (in_template or module in STAGES[name].deciding or exempt(name, module)):
                wrong.add(f"{name}: {module}")
    assert sorted(wrong) == []
    assert set(RAN) >= set(STAGES) - {"import_weights"}


def run_all():
    graph = Graph(load_params("smoke"))
    for name in ("download", "prepare", "radii", "tracking"):
        stage(name)
    for trained in graph.trained:
        stage("train", "--variant", trained.variant)
    for tested in graph.tested:
        test = ("--variant", tested.trained.variant, "--mode", tested.mode)
        stage("predict", *test, "--split", tested.split)
        if tested in graph.submitted:
            stage("submit", *test)
        stage("evaluate", *test, "--split", tested.split)
    for trained in graph.with_corners:
        stage("corners", "--variant", trained.variant)
    for name in ("tables", "figures", "claims", "report"):
        stage(name)


def test_every_output_is_there(place):
    graph = Graph(load_params("smoke"))
    paths = graph.paths
    outputs = [paths.source, paths.dataset, paths.radii, paths.results, paths.differences]
    outputs += [
        paths.corner_scores,
        paths.claims,
        paths.page,
        Path("data/mlflow/mlflow.db"),
    ]
    for trained in graph.trained:
        outputs += [paths.weights(trained), paths.state(trained), paths.history(trained)]
        outputs += [paths.model_provenance(trained)]
    outputs += map(paths.corners, graph.with_corners)
    for tested in graph.tested:
        outputs += [paths.detections(tested), paths.metrics(tested)]
    outputs += [paths.table(n, suffix) for n in (1, 2, 3, 4) for suffix in ("md", "csv", "tex")]
    assert [str(path) for path in outputs if not (place / path).stat().st_size] == []


def test_results_hold_every_metric_of_every_test_in_percent(place):
    results = pd.read_csv(place / "reports/smoke/results.csv")
    graph = Graph(load_params("smoke"))
    assert len(results) == 16 * len(graph.tested)
    assert results["value"].dropna().between(0, 100).all()
    assert set(results["variant"]) == {trained.variant for trained in graph.trained}
    with_gt = results[(results["mode"] == "gt_heatmaps_offsets") & (results["metric"] == "AP50")]
    assert with_gt["value"].notna().all()


def test_the_full_schedule_goes_on_from_the_baseline(place):
    made = json.loads((place / "data/smoke/models/full_schedule-s0.provenance.json").read_text())
    assert (made["started_from"], made["iterations"]) == (6, 9)


def test_the_same_run_gives_the_same_bytes(place):
    """Weights, detections, metrics and tables; provenance apart, which holds times.

    Here by an agent and a process of its own.
    """
    weights = place / "data/smoke/models/fixed_radius-s0.safetensors"
    before = weights.read_bytes()
    detections = place / "data/smoke/detections/fixed_radius-s0-val-single_scale.json"
    found = detections.read_bytes()
    shutil.rmtree(place / "data/smoke/checkpoints/fixed_radius-s0")
    weights.unlink()
    stage("train", "--variant", "fixed_radius")
    stage("predict", "--variant", "fixed_radius", "--split", "val")
    assert weights.read_bytes() == before
    assert detections.read_bytes() == found


def test_any_batch_size_and_number_of_devices_gives_the_same_bytes(place):
    """Two devices on a machine without GPUs are two processes."""
    test = ("--variant", "baseline", "--split", "val")
    path = place / "data/smoke/detections/baseline-s0-val-single_scale.json"
    found = {path.read_bytes()}  # of the profile's own batch size, on one device
    for size, devices in ((1, 1), (2, 2), (5, 1)):
        stage("predict", *test, "--set", f"detection.batch_size={size}", "--devices", str(devices))
        found.add(path.read_bytes())
    assert len(found) == 1
    assert len(json.loads(found.pop())) > 10


def test_all_stages_of_a_model_are_on_one_run(place):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{place}/data/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("smoke")
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    graph = Graph(load_params("smoke"))
    made = json.loads((place / "data/smoke/models/baseline-s0.provenance.json").read_text())
    run = runs[made["mlflow_run_id"]]
    assert run.info.status == "FINISHED"
    assert run.data.tags["variant"] == "baseline"
    assert run.data.params["train.iterations"] == "6"
    assert "AR100.val.gt_heatmaps" in run.data.metrics
    assert len(client.get_metric_history(run.info.run_id, "loss/total")) == 6
    names = {run.data.tags["variant"] for run in runs.values()}
    assert names == {trained.variant for trained in graph.trained}


def test_nothing_waits_for_the_tracker_at_the_end(place):
    assert not any((place / "data/mlflow/outbox").glob("*/journal.jsonl"))


def test_each_model_is_in_the_registry_once_with_its_metrics(place):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{place}/data/mlflow/mlflow.db")
    tested = {t.trained.variant for t in Graph(load_params("smoke")).tested}
    versions = {version.name: version for version in client.search_model_versions()}
    assert set(versions) == {f"cornernet-smoke-{variant}" for variant in tested}
    assert len(client.search_model_versions()) == len(tested)
    version = versions["cornernet-smoke-baseline"]
    made = json.loads((place / "data/smoke/models/baseline-s0.provenance.json").read_text())
    assert version.run_id == made["mlflow_run_id"]
    scored = client.get_run(version.run_id).data.metrics
    for mode in ("single_scale", "gt_heatmaps", "gt_heatmaps_offsets"):
        assert float(version.tags[f"AP.val.{mode}"]) == scored[f"AP.val.{mode}"]
    model = client.get_logged_model(version.tags["model_id"])
    assert {m.key: m.value for m in model.metrics}.items() <= scored.items()
    assert "AP50.val.gt_heatmaps" in {metric.key for metric in model.metrics}


def test_the_registered_model_finds_what_predict_found(place, monkeypatch):
    """By paths, by arrays, and what it holds as its example; tensors and plain settings alone."""
    import cv2
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/data/mlflow/mlflow.db")
    model = mlflow.pyfunc.load_model("models:/cornernet-smoke-baseline/1")
    dataset = json.loads((place / "data/smoke/shapes/annotations/instances_val.json").read_text())
    images = sorted(dataset["images"], key=lambda image: image["id"])
    paths = [str(place / "data/smoke/shapes/val" / image["file_name"]) for image in images]
    found = model.predict(paths)
    stored = json.loads(
        (place / "data/smoke/detections/baseline-s0-val-single_scale.json").read_text()
    )
    assert len(found) == len(stored) > 0
    ids = [images[number]["id"] for number in found["image"]]
    assert ids == [row["image_id"] for row in stored]
    assert list(found["category_id"]) == [row["category_id"] for row in stored]
    boxes = found[["x", "y", "width", "height"]].to_numpy()
    assert boxes == pytest.approx(pd.DataFrame(row["bbox"] for row in stored).to_numpy(), abs=0.01)
    assert found["score"].to_numpy() == pytest.approx([row["score"] for row in stored], abs=1e-4)
    arrays = model.predict(pd.DataFrame({"image": [cv2.imread(path) for path in paths]}))
    pd.testing.assert_frame_equal(arrays, found)
    example = model.predict(model.input_example)
    pd.testing.assert_frame_equal(example, found[found["image"] == 0].reset_index(drop=True))
    folder = place / "data/mlflow/artifacts/smoke/models"
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".pt", ".pth", ".py"}


def test_params_that_reach_the_tracker_are_flat(place):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{place}/data/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("smoke")
    found = client.search_runs(
        [experiment.experiment_id], "params.`targets.penalty_reduction` = 'none'"
    )
    assert {run.data.tags["variant"] for run in found} == {"no_penalty_reduction"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["train", "--profile", "smoke", "--set", "train.iteratons=3"], "did you mean 'iterations'?"),
        (["train", "--profile", "smoke", "--variant", "baselin"], "did you mean 'baseline'?"),
        (["predict", "--profile", "smoke", "--variant", "baseline", "--seed", "7"],
         "baseline-s7.safetensors is not there; `cornernet train --profile smoke --variant baseline"),
        (["evaluate", "--profile", "custom", "--split", "test_dev"], "names no split 'test_dev'"),
        (["prepare", "--profile", "custom"], "source.json is not there; `cornernet download --profile custom`"),
        (["download", "--profile", "custom"], "point data.root at your folder"),
        (["plan", "--profile", "nosuch"], "no profile 'nosuch'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_exit_code_2(place, capsys, command, expected):
    assert main(command) == 2
    printed = capsys.readouterr().err
    assert expected in printed
    assert "Traceback" not in printed


def test_outside_the_repository_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 2
    assert "run this in the root of the repository" in capsys.readouterr().err


def test_status_and_plan_tell_where_things_stand(place, capsys):
    assert main(["status", "--profile", "smoke"]) == 0
    printed = capsys.readouterr().out
    assert "train baseline-s0: done" in printed
    assert "report: reports/smoke/index.html" in printed
    assert main(["plan", "--profile", "smoke"]) == 0
    assert "full_schedule-s0: iterations 6 to 9" in capsys.readouterr().out


def test_a_checkpoint_of_other_params_is_set_aside_and_named(place, capsys):
    """Training anew says what differs; --resume refuses."""
    folder = place / "data/smoke/checkpoints/no_penalty_reduction-s0"
    (checkpoint,) = folder.glob("iteration-*")
    other = ["--variant", "no_penalty_reduction", "--set", "losses.pull_weight=0.2"]
    assert main(["train", "--profile", "smoke", *other, "--resume", str(checkpoint)]) == 2
    assert "pull_weight" in capsys.readouterr().err
    stage("train", *other)
    printed = capsys.readouterr()
    assert "losses.pull_weight" in printed.err + printed.out
    assert any(folder.glob("set-aside-*"))
    stage("train", "--variant", "no_penalty_reduction")
