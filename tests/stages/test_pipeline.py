"""Every stage, by its command, on the smallest profile: from nothing to the page."""

import json
import re
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path

import cv2
import pandas as pd
import pytest
from stages.run_crate import check
from stages.whole_run import RAN, REPOSITORY, made_in, stage

import cornernet
from cornernet.cli import main
from cornernet.config import load_params
from cornernet.evaluation.metric_names import METRICS
from cornernet.files import hash_file
from cornernet.library.description import read_description
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import SEEDS_RECORD
from cornernet.pipeline.staleness.code import ROOT
from cornernet.pipeline.staleness.deciding import exempt
from cornernet.reporting.training_noise import read_record

CHECKPOINT = "data/smoke/checkpoints/baseline-s0/iteration-00000006.pt"
OTHER = "data/smoke/models/no_corner_pooling-s0.safetensors"
METRICS_FILE = "metrics/baseline-s0-val-single_scale.json"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the params, in which all stages of a profile much as smoke have run."""
    yield from made_in(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def client(place):
    """MLflow's client of the database that the stages wrote."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{place}/data/mlflow/mlflow.db")


@pytest.fixture
def runs(client):
    """MLflow's runs of the profile."""
    return client.search_runs([client.get_experiment_by_name("smoke").experiment_id])


def refused(command, capsys):
    """The one line with which a command refuses."""
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def detections(place, variant="baseline"):
    path = f"data/smoke/detections/{variant}-s0-val-single_scale.json"
    return json.loads((place / path).read_text())


def provenance(place, variant="baseline"):
    return json.loads((place / f"data/smoke/models/{variant}-s0.provenance.json").read_text())


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
    assert all(len(files) > 3 for files in RAN.values())  # something was traced


def test_every_output_is_there_and_every_metric_in_percent(place):
    graph = Graph(load_params("smoke"))
    jobs = [(stage, key) for stage in STAGES.values() for key in stage.jobs(graph)]
    outputs = [path for stage, key in jobs for path in stage.outputs(graph.paths, key)]
    assert len(outputs) > 50
    assert [str(path) for path in outputs if not (place / path).stat().st_size] == []
    results = pd.read_csv(place / "reports/smoke/results.csv")
    of_all = results[results["metric"].isin(METRICS)]
    assert len(of_all) == len(METRICS) * len(graph.tested)
    assert (results["metric"] == "AP50-disc").sum() == len(graph.tested)
    assert results["value"].dropna().between(0, 100).all()
    assert set(results["variant"]) == {tested.trained.variant for tested in graph.tested}
    with_gt = results[(results["mode"] == "gt_heatmaps_offsets") & (results["metric"] == "AP50")]
    assert with_gt["value"].notna().all()
    made = provenance(place, "full_schedule")
    assert (made["started_from"], made["iterations"]) == (6, 9)


def test_the_scores_of_all_seeds_can_be_kept(place):
    kept = place / "reports/records/training_noise.csv"
    before, others = kept.read_bytes(), len(read_record(kept))
    try:
        for _ in range(2):
            assert main(["record-noise", "--profile", "smoke"]) == 0
            record = read_record(kept)
            assert len(record) == others + 3
            record = record.query("profile == 'smoke'")
            assert {*record["variant"]} == {"baseline", "full_schedule", "no_corner_pooling"}
        baseline = record.set_index("variant").loc["baseline"]
        scores = pd.read_csv(place / "reports/smoke/results.csv").query("variant == 'baseline'")
        (ap,) = scores.query("mode == 'single_scale' and metric == 'AP'")["value"]
        assert baseline["AP.val.single_scale"] == pytest.approx(ap, abs=1e-4)
        assert (
            baseline[["AP.val.single_scale.rounded_scores", "all.val.top_left_corners"]]
            .notna()
            .all()
        )
    finally:
        kept.write_bytes(before)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (f"reports/smoke/{METRICS_FILE}", f"reports/smoke/results.csv is older than reports/smoke/{METRICS_FILE}"),
        (OTHER.partition(".")[0], f"-s0-val-single_scale.json is older than {OTHER}; `cornernet predict "),
    ],
)  # fmt: skip
def test_scores_that_are_not_of_the_present_models_are_not_kept(place, capsys, made, line):
    record = place / f"{made}.provenance.json"
    before = record.read_text()
    record.write_text(json.dumps(json.loads(before) | {"finished": "2999-01-01"}))
    try:
        assert line in refused(["record-noise", "--profile", "smoke"], capsys)
    finally:
        record.write_text(before)


def test_scores_of_models_that_other_code_trained_are_not_kept(place, monkeypatch, capsys):
    monkeypatch.setattr("cornernet.commands.files.code_of", lambda deciding: {"other": "code"})
    assert main(["record-noise", "--profile", "smoke"]) == 2
    assert "was trained by other code; run the profile again" in capsys.readouterr().err
    (place / "reports/smoke/results.csv").rename(place / "results.csv")
    try:
        assert main(["record-noise", "--profile", "smoke"]) == 2
        assert "results.csv is not there; `cornernet tables` makes it" in capsys.readouterr().err
    finally:
        (place / "results.csv").rename(place / "reports/smoke/results.csv")


@contextmanager
def recorded_with_more_seeds(**made):
    """A record of the smoke run's claims, as if eight seeds had found them."""
    SEEDS_RECORD.parent.mkdir(exist_ok=True)
    shutil.copyfile("reports/smoke/claims.csv", SEEDS_RECORD)
    own = json.loads(Path("reports/smoke/claims.csv.provenance.json").read_text())
    file = SEEDS_RECORD.with_name("claims.csv.provenance.json")
    file.write_text(json.dumps(own | {"seeds": 8, "finished": "2026-11-29T10:00:00"} | made))
    try:
        yield file
    finally:
        file.unlink()
        SEEDS_RECORD.unlink()


def test_verdicts_recorded_with_more_seeds_stand_beside_those_of_the_same_trainings(
    place, monkeypatch, capsys
):
    own = json.loads((place / "reports/smoke/claims.csv.provenance.json").read_text())
    page, label = place / "reports/smoke/index.html", "8 seeds (record of demo_seeds, 2026-11-29)"

    def shown():
        stage("claims")
        return label in (place / "reports/smoke/claims.csv").read_text()

    assert not shown()
    with recorded_with_more_seeds():
        assert shown()
        stage("report")
        assert f"With {label}" in page.read_text()
        claims = pd.read_csv(place / "reports/smoke/claims.csv")
        assert claims["recorded_verdict"].equals(claims["verdict"])
        assert claims["recorded_interval"].equals(claims["interval"])
        monkeypatch.setattr("cornernet.stages.claims.SEEDS_PROFILE", "smoke")
        assert not shown()  # its own record
        monkeypatch.undo()
    another = {"training_keys": own["training_keys"] | {"baseline": "another"}}
    for made in (another, {"params": own["params"] | {"detection": {}}}):
        with recorded_with_more_seeds(**made):
            assert not shown()
    with recorded_with_more_seeds() as file:
        SEEDS_RECORD.write_text("<<<<<<< HEAD\n")
        line = refused(["claims", "--profile", "smoke"], capsys)
        assert f"{SEEDS_RECORD}: columns are not id, claim" in line
        assert line.endswith("; restore it, or `make record PROFILE=demo_seeds`")
        file.write_text("<<<<<<< HEAD\n")
        line = refused(["claims", "--profile", "smoke"], capsys)
        assert f"{file}: no provenance of a record (" in line
    assert not shown()
    stage("report")
    assert label not in page.read_text()


def test_the_same_run_gives_the_same_bytes(place):
    """Weights and detections; provenance apart, which holds times. Here by an agent's process."""
    weights = place / "data/smoke/models/no_corner_pooling-s0.safetensors"
    before, found = weights.read_bytes(), detections(place, "no_corner_pooling")
    shutil.rmtree(place / "data/smoke/checkpoints/no_corner_pooling-s0")
    weights.unlink()
    stage("train", "--variant", "no_corner_pooling")
    stage("predict", "--variant", "no_corner_pooling", "--split", "val")
    assert weights.read_bytes() == before
    assert detections(place, "no_corner_pooling") == found


def test_any_batch_size_and_number_of_devices_gives_the_same(place):
    """Two devices on a machine without GPUs are two processes."""
    of_the_profile = detections(place)  # with its own batch size, on one device
    assert len(of_the_profile) > 10
    stage("predict", "--split", "val", "--set", "detection.batch_size=1", "--devices", "2")
    assert detections(place) == of_the_profile


def test_all_stages_of_a_model_are_on_one_run_and_in_the_registry_once(place, client, runs):
    (run,) = (r for r in runs if r.info.run_id == provenance(place)["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["variant"] == "baseline"
    assert run.data.params["train.iterations"] == "6"
    assert "AR100.val.gt_heatmaps" in run.data.metrics
    assert len(client.get_metric_history(run.info.run_id, "loss/total")) == 6
    trained = {trained.variant for trained in Graph(load_params("smoke")).trained}
    assert {run.data.tags["variant"] for run in runs} == trained
    flat = {run.data.tags["variant"]: run.data.params["model.corner_pooling"] for run in runs}
    assert [name for name, value in flat.items() if value == "False"] == ["no_corner_pooling"]
    versions = client.search_model_versions()
    assert sorted(v.name for v in versions) == sorted(f"cornernet-smoke-{name}" for name in trained)
    (version,) = (v for v in versions if v.name == "cornernet-smoke-baseline")
    assert version.run_id == run.info.run_id
    scored = run.data.metrics
    for mode in ("single_scale", "gt_heatmaps", "gt_heatmaps_offsets"):
        assert float(version.tags[f"AP.val.{mode}"]) == scored[f"AP.val.{mode}"]
    model = client.get_logged_model(version.tags["model_id"])
    assert {m.key: m.value for m in model.metrics}.items() <= scored.items()
    assert "AP50.val.gt_heatmaps" in {metric.key for metric in model.metrics}


def test_the_registered_model_finds_what_predict_found(place, monkeypatch):
    """By paths, by arrays, and what it holds as its example; tensors and plain settings alone."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.chdir(place)
    page = (REPOSITORY / "docs/how-to/mlflow.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    image = next((place / "data/smoke/shapes/val").glob("*.*"))
    names = {}
    exec(program.replace("demo", "smoke").replace("photo.jpg", str(image)), names)
    names["mlflow"].set_tracking_uri(None)
    model = names["model"]
    annotations = place / "data/smoke/shapes/annotations"
    dataset = json.loads((annotations / "instances_val.json").read_text())
    images = sorted(dataset["images"], key=lambda image: image["id"])
    paths = [str(place / "data/smoke/shapes/val" / image["file_name"]) for image in images]
    found, stored = model.predict(paths), pd.DataFrame(detections(place))
    assert len(found) == len(stored) > 0
    assert [images[number]["id"] for number in found["image"]] == stored["image_id"].tolist()
    assert list(found["category_id"]) == list(stored["category_id"])
    boxes = found[["x", "y", "width", "height"]].to_numpy()
    assert boxes == pytest.approx(pd.DataFrame(stored["bbox"].tolist()).to_numpy(), abs=0.01)
    assert found["score"].to_numpy() == pytest.approx(stored["score"].to_numpy(), abs=1e-4)
    arrays = model.predict(pd.DataFrame({"image": [cv2.imread(path) for path in paths]}))
    pd.testing.assert_frame_equal(arrays, found)
    example = model.predict(model.input_example)
    pd.testing.assert_frame_equal(example, found[found["image"] == 0].reset_index(drop=True))
    models = place / "data/smoke/models"
    detector = cornernet.load(models / "baseline-s0.safetensors", "cpu")  # the weights alone
    digest = hash_file(annotations / "instances_train.json").sha256
    assert detector.description.annotations_sha256 == digest
    pairs = zip(images, detector(paths, threshold=0), strict=True)
    assert [row for image, one in pairs for row in one.to_coco(image["id"])] == detections(place)
    flat = read_description(models / "no_corner_pooling-s0.safetensors")
    assert (flat.variant, flat.model.corner_pooling) == ("no_corner_pooling", False)
    folder = place / "data/mlflow/artifacts/smoke/models"
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".pt", ".pth", ".py"}


def test_borrowed_weights_are_tested_in_another_way_and_paired_with_the_lender_s(place, runs):
    assert not (place / "data/smoke/models/rounded_scores-s0.safetensors").exists()
    own, borrowed = detections(place), detections(place, "rounded_scores")
    assert own != borrowed
    for mine, rounded in zip(own, borrowed, strict=True):
        assert mine["image_id"] == rounded["image_id"]
        assert round(rounded["score"], 1) == rounded["score"]
        assert rounded["score"] == pytest.approx(mine["score"], abs=0.0501)
    found = pd.read_csv(place / "reports/smoke/differences.csv")
    row = found[(found["variant"] == "rounded_scores") & (found["metric"] == "AP")]
    assert row["reference"].tolist() == ["baseline"]
    results = pd.read_csv(place / "reports/smoke/results.csv")
    results = results[results["mode"] == "single_scale"]
    ours = results[results["split"] == "val"].set_index(["variant", "metric"])["value"]
    gain = ours["rounded_scores", "AP"] - ours["baseline", "AP"]
    assert row["value"].item() == pytest.approx(gain, abs=1e-5)
    page = (place / "reports/smoke/index.html").read_text()
    effects = dict(re.findall(r'<code>(\w+)</code> <span class="effect[^"]*">(.*?)</span>', page))
    assert "\N{DAGGER}" not in effects["rounded_scores"]
    assert effects["kept_ties"].endswith("\N{DAGGER}")  # not of this run
    (run,) = (run for run in runs if run.data.tags["variant"] == "baseline")
    for name, key in (("baseline", ""), ("rounded_scores", ".rounded_scores")):
        logged = run.data.metrics[f"AP50.val.single_scale{key}"]
        assert logged == pytest.approx(ours[name, "AP50"], abs=0.06)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["train", "--profile", "smoke", "--set", "train.iteratons=3"], "did you mean 'iterations'?"),
        (["train", "--profile", "smoke", "--variant", "baselin"], "did you mean 'baseline'?"),
        (["evaluate", "--profile", "custom", "--split", "test_dev"], "names no split 'test_dev'"),
        (["prepare", "--profile", "custom"], "source.json is not there; `cornernet download --profile custom`"),
        (["download", "--profile", "custom"], "point data.root at your folder"),
        (["plan", "--profile", "nosuch"], "no profile 'nosuch'"),
        (["accept", "trian", "--profile", "smoke", "--because", "it holds"], "fits no job of profile smoke"),
        (["accept", "train", "--profile", "smoke", "--because", " "], "--because is empty"),
        (["train", "--profile", "released_weights", "--variant", "released_weights"], "is not trained; `cornernet import-weights"),
        (["train", "--profile", "smoke", "--set", "losses.pull_weight=0.2", "--resume", CHECKPOINT], "losses.pull_weight"),
        (["train", "--profile", "smoke", "--set", f"train.init={OTHER}", "--resume", CHECKPOINT], "params.train.init: (none) -> "),
        (["train", "--profile", "smoke", "--set", "train.init=none"], "none is not there; train.init names it: mend that path"),
        (["train", "--profile", "smoke", "--set", "train.init=data"], "data is no file; train.init names it: mend that path"),
        (["train", "--profile", "smoke", "--variant", "no_corner_pooling", "--set", f"train.init={OTHER}"], "is what the training writes; start from a copy of it"),
        (["train", "--profile", "smoke", "--variant", "rounded_scores"], "weights of baseline: `cornernet train --variant baseline`"),
        (["predict", "--profile", "smoke", "--seed", "7"], "baseline-s7.safetensors is not there; `cornernet train --profile smoke --variant baseline --seed 7"),
    ],
)  # fmt: skip
def test_bad_input_is_told_clearly_and_exit_code_2(place, capsys, command, expected):
    assert main(command) == 2
    assert expected in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place / "data")
        assert "run this in the root of the repository" in refused(["status"], capsys)


def test_status_and_plan_tell_where_things_stand(place, capsys):
    assert main(["status", "--profile", "smoke"]) == 0
    printed = capsys.readouterr().out
    assert "train baseline-s0: done" in printed
    assert "report: reports/smoke/index.html" in printed
    assert main(["plan", "--profile", "smoke"]) == 0
    printed = capsys.readouterr().out
    assert "full_schedule-s0: iterations 6 to 9" in printed
    assert "with the weights of baseline-s0" in printed


def test_the_finished_run_is_packed_as_a_provenance_run_crate(place, tmp_path, capsys):
    for part in ("Snakefile", "workflow"):
        source = REPOSITORY / part
        shutil.copytree(source, place / part) if source.is_dir() else shutil.copy(source, place)
    page = place / "reports/smoke/index.html"
    page.rename(tmp_path / "index.html")
    line = refused(["crate", "--profile", "smoke"], capsys)
    assert "index.html: not there, so the run is not finished; `snakemake" in line
    (tmp_path / "index.html").rename(page)
    assert main(["crate", "--profile", "smoke"]) == 0
    with zipfile.ZipFile(place / "reports/smoke/run.crate.zip") as packed:
        assert len(set(packed.namelist())) == len(packed.namelist())
        packed.extractall(tmp_path / "crate")
    entities = check(tmp_path / "crate")
    graph = Graph(load_params("smoke"))
    jobs = {stage.job_name(key) for stage in STAGES.values() for key in stage.jobs(graph)}
    actions = {one["name"]: one for one in entities.values() if one["@type"] == "CreateAction"}
    assert set(actions) == {*jobs, "run of profile smoke"}
    train = actions["train-full_schedule-s0"]
    assert train["description"].startswith(
        "cornernet train --profile smoke --variant full_schedule"
    )
    read, made = ({one["@id"] for one in train[key]} for key in ("object", "result"))
    assert {"data/smoke/dataset.json", "#data/smoke/models/baseline-s0.state"} <= read
    assert "data/smoke/models/full_schedule-s0.safetensors" in made
    assert train["startTime"] <= train["endTime"]
    assert {"@id": "reports/smoke/index.html"} in actions["run of profile smoke"]["result"]
