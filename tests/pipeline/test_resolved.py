"""What a stage depends on: its params and its code as files, and nothing else."""

import subprocess
import sys

import pytest
import yaml

from cornernet.config import load_params
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.resolved import STAGES, refresh, stage_code, stage_params


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty place to write in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("override", "touched"),
    [
        ("train.learning_rate=0.5", {"train", "report"}),
        ("detection.soft_nms.sigma=0.7", {"predict", "corners", "figures", "report"}),
        ("targets.min_iou=0.5", {"radii", "train", "figures", "report"}),
        ("evaluation.confidence=0.9", {"evaluate", "tables", "figures", "claims", "report"}),
        ("report.title=other", {"tables", "figures", "claims", "report"}),
        ("train.checkpoint_every=7", {"report"}),
        ("detection.batch_size=3", set()),
    ],
)
def test_a_param_touches_the_stages_that_use_it(override, touched):
    before, after = load_params("smoke"), load_params("smoke", [override])
    changed = {s for s in STAGES if stage_params(before, s) != stage_params(after, s)}
    assert changed == touched


def test_the_code_of_a_stage_is_what_it_imports():
    train, predict = set(stage_code("train")), set(stage_code("predict"))
    assert {"cornernet.model.losses", "cornernet.data.sampling.augment"} <= train
    assert "cornernet.model.losses" not in predict
    assert "cornernet.detection.soft_nms" in predict
    assert "cornernet.detection.soft_nms" not in train
    assert {"cornernet.model.network", "cornernet.model.corner_pooling"} <= train & predict
    assert not any(name.startswith("cornernet.tracking") for name in train)
    assert "cornernet.evaluation.bootstrap" in stage_code("evaluate")
    assert "cornernet.model.network" not in stage_code("evaluate")


def test_comments_and_docstrings_are_no_code(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from cornernet.pipeline.resolved import stage_code\n"
        "print(stage_code('radii')['cornernet.data.sampling.radii'])"
    )
    import shutil
    from pathlib import Path

    import cornernet

    copy = tmp_path / "cornernet"
    shutil.copytree(Path(cornernet.__file__).parent, copy)

    def digest():
        command = [sys.executable, "-B", "-c", program, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    before = digest()
    source = copy / "data" / "radii.py"
    text = source.read_text()
    source.write_text('"""Other words."""\n' + text.split('"""', 2)[2] + "\n# A remark.\n")
    assert digest() == before
    source.write_text(text + "\nONE = 1\n")
    assert digest() != before


def test_files_are_rewritten_only_when_their_content_changes(folder):
    refresh(load_params_of("smoke"))
    files = sorted((folder / "data/smoke").rglob("*.yaml"))
    # five variants of train and of predict, two of corners
    assert len(files) == 2 * len(STAGES) + 2 * (5 - 1) + (2 - 1)
    times = {path: path.stat().st_mtime_ns for path in files}
    refresh(load_params_of("smoke"))
    assert {path: path.stat().st_mtime_ns for path in files} == times
    refresh(load_params_of("smoke", ["train.learning_rate=0.5"]))
    changed = {p.name for p in files if p.stat().st_mtime_ns != times[p]}
    variants = load_params_of("smoke").variants
    assert changed == {f"train-{name}.yaml" for name in variants} | {"report.yaml"}


def test_a_variant_has_its_own_values_in_its_file(folder):
    refresh(load_params_of("smoke"), ("train",))
    written = yaml.safe_load(
        (folder / "data/smoke/params/train-no_corner_pooling.yaml").read_text()
    )
    assert written["model"]["corner_pooling"] is False
    assert written["continues"] is None


def test_a_split_that_is_not_named_leaves_the_graph():
    params = load_params("demo")
    whole = Graph(params)
    assert whole.submitted
    splits = {name: files for name, files in params.data.splits.items() if name != "test_dev"}
    from dataclasses import replace

    without = Graph(replace(params, data=replace(params.data, splits=splits)))
    assert not without.submitted
    assert without.tested == tuple(t for t in whole.tested if t.split != "test_dev")


def test_the_paper_profile_trains_what_the_tables_need():
    graph = Graph(load_params("paper"))
    assert [str(t) for t in graph.trained] == [
        "baseline-s0",
        "no_corner_pooling-s0",
        "no_penalty_reduction-s0",
        "fixed_radius-s0",
        "full_schedule-s0",
    ]
    assert len(graph.tested) == 9
    assert graph.parent(graph.trained[-1]) == graph.trained[0]


BORROWED = "variants.ties={weights_of: full_schedule, set: {detection.keep_ties: true}}"
TESTED = "tested=[{variants: [ties], split: val, modes: [single_scale]}]"


def test_borrowed_weights_are_trained_by_their_own_name():
    graph = Graph(load_params("smoke", [BORROWED, TESTED]))
    (tested,) = graph.tested
    lender = graph.weights_of(tested.trained)
    assert str(lender) == "full_schedule-s0"
    assert graph.weights_of(lender) == lender
    assert [str(trained) for trained in graph.trained] == ["baseline-s0", "full_schedule-s0"]
    assert graph.imported == ()


def test_imported_weights_can_be_borrowed_too():
    overrides = ["variants.ties={weights_of: released_weights, set: {detection.keep_ties: false}}"]
    graph = Graph(load_params("released_weights", [*overrides, TESTED]))
    assert graph.trained == ()
    assert [str(trained) for trained in graph.imported] == ["released_weights-s0"]


def test_what_a_borrower_depends_on(folder):
    before = load_params_of("smoke")
    refresh(before)
    params = folder / "data/smoke/params"
    others = {path: path.stat().st_mtime_ns for path in params.glob("*-*.yaml")}
    refresh(load_params_of("smoke", [BORROWED]))
    written = yaml.safe_load((params / "predict-ties.yaml").read_text())
    assert written["weights_of"] == "full_schedule"
    assert written["detection"]["keep_ties"] is True
    assert not (params / "train-ties.yaml").exists()
    assert {path: path.stat().st_mtime_ns for path in others} == others  # nothing is trained anew


def test_data_that_a_module_reads_are_code_too():
    assert "reporting/text_and_code.yaml" in stage_code("tables")
    assert {"reporting/text_and_code.yaml", "reporting/templates/page.html.j2"} <= set(
        stage_code("report")
    )
    assert all(name.startswith("cornernet.") for name in stage_code("train"))


def load_params_of(profile, overrides=()):
    """Params from the repository, wherever the test stands."""
    from pathlib import Path

    return load_params(profile, overrides, folder=Path(__file__).parents[2] / "params")
