"""Snakemake and DVC take each other's work as done, at any point: the real programs, smoke profile."""

import re
import shutil
from contextlib import contextmanager

import pytest
import yaml

from workflow.clone import dvc, git, planned_jobs, repository_in, run, snakemake
from workflow.graphs import dvc_stages, snakemake_jobs

pytestmark = pytest.mark.slow

RAN = re.compile(r"^Running stage '(?P<name>[^']+)'", re.MULTILINE)
UP_TO_DATE = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def by_snakemake(tmp_path_factory):
    """A clone in which Snakemake has run everything."""
    folder = repository_in(tmp_path_factory.mktemp("by_snakemake"), "smoke")
    ok(snakemake(folder))
    return folder


@pytest.fixture(scope="module")
def by_dvc(tmp_path_factory):
    """A clone in which DVC has run everything."""
    folder = repository_in(tmp_path_factory.mktemp("by_dvc"), "smoke")
    ok(dvc(folder, "repro"))
    return folder


def ok(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def left_to_dvc(folder):
    """The commands that DVC would run: what it sees as changed, and all that comes after.

    Its dry run leaves out what lies behind a stage whose outputs may come out as they were.
    """
    ok(dvc(folder, "repro", "--quiet", "inputs@smoke"))  # as loading the Snakefile does
    stages = {stage["name"]: stage for stage in dvc_stages(folder)}
    changed = set(yaml.safe_load(ok(dvc(folder, "status", "--json"))))
    grown = True
    while grown:
        after = {name for name, stage in stages.items() if set(stage["after"]) & changed}
        grown = not after <= changed
        changed |= after
    return sorted(stages[name]["command"] for name in changed)


def left_to_snakemake(folder):
    """The commands that Snakemake would run."""
    return sorted(job.command for job in snakemake_jobs(folder) if job.to_run)


def kinds(commands):
    """How many of each stage."""
    names = [command.split()[1] for command in commands]
    return {name: names.count(name) for name in names}


@contextmanager
def changed_file(path, change):
    """`path` with its text changed, and as it was again after."""
    before = path.read_text()
    path.write_text(change(before))
    try:
        yield
    finally:
        path.write_text(before)


def test_what_snakemake_made_dvc_takes_as_done(by_snakemake):
    assert ok(dvc(by_snakemake, "status")).strip() == UP_TO_DATE
    assert not RAN.findall(ok(dvc(by_snakemake, "repro")))
    assert planned_jobs(snakemake(by_snakemake, "-n")) == {}


def test_what_dvc_made_snakemake_takes_as_done(by_dvc):
    assert planned_jobs(snakemake(by_dvc, "-n")) == {}
    shutil.rmtree(by_dvc / ".snakemake")  # and without any record of its own
    assert planned_jobs(snakemake(by_dvc, "-n")) == {}
    assert ok(dvc(by_dvc, "status")).strip() == UP_TO_DATE


AFTER_METRICS = {"tables": 1, "figures": 1, "claims": 1, "report": 1}
AFTER_WEIGHTS = {"predict": 9, "corners": 2, "submit": 2, "evaluate": 9, **AFTER_METRICS}
CHANGES = [
    ("train: {learning_rate: 0.002}", {"train": 5, **AFTER_WEIGHTS}),
    ("targets: {min_iou: 0.5}", {"radii": 1, "train": 5, **AFTER_WEIGHTS}),
    ("detection: {soft_nms: {sigma: 0.7}}", AFTER_WEIGHTS),
    ("evaluation: {confidence: 0.9}", {"evaluate": 9, **AFTER_METRICS}),
    ("report: {title: other}", AFTER_METRICS),
    ("detection: {batch_size: 3}", {}),
]


@pytest.mark.parametrize(
    ("made_by", "change", "expected"),
    # with Snakemake's records of how the outputs were made, and without any
    [("by_dvc", *change) for change in CHANGES] + [("by_snakemake", *c) for c in CHANGES[2:4]],
)
def test_a_changed_param_reruns_the_same_stages_in_both(made_by, change, expected, request):
    folder = request.getfixturevalue(made_by)
    params = folder / "params/smoke.yaml"
    with changed_file(params, lambda text: merged(text, yaml.safe_load(change))):
        asked = left_to_snakemake(folder)
        assert kinds(asked) == expected
        assert left_to_dvc(folder) == asked
    assert left_to_snakemake(folder) == left_to_dvc(folder) == []


def merged(text, change):
    """A params file with a tree of values put in."""

    def put(tree, values):
        for key, value in values.items():
            if isinstance(value, dict):
                put(tree.setdefault(key, {}), value)
            else:
                tree[key] = value
        return tree

    return yaml.safe_dump(put(yaml.safe_load(text), change))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("model/losses.py", {"train": 5, **AFTER_WEIGHTS}),
        ("detection/soft_nms.py", AFTER_WEIGHTS),
        ("evaluation/bootstrap.py", {"evaluate": 9, **AFTER_METRICS}),
        ("reporting/page.py", {"report": 1}),
    ],
)
def test_a_changed_source_file_reruns_the_same_stages_in_both(by_dvc, module, expected):
    with changed_file(by_dvc / "src/cornernet" / module, lambda text: text + "\nNEW = 1\n"):
        asked = left_to_snakemake(by_dvc)
        assert kinds(asked) == expected
        assert left_to_dvc(by_dvc) == asked
    assert left_to_snakemake(by_dvc) == left_to_dvc(by_dvc) == []
    with changed_file(by_dvc / "src/cornernet" / module, lambda text: text + "\n# a remark\n"):
        assert left_to_snakemake(by_dvc) == []


def test_half_by_one_and_the_rest_by_the_other(by_snakemake):
    """And what DVC made with new params is not taken for what Snakemake made with the old ones."""
    params = by_snakemake / "params/smoke.yaml"
    other = "detection: {soft_nms: {sigma: 0.7}}"
    detections = "data/smoke/detections/baseline-s0-val-single_scale.json"
    stage = "predict_val@smoke-baseline-0-val-single_scale"
    before = (by_snakemake / detections).read_bytes()
    with changed_file(params, lambda text: merged(text, yaml.safe_load(other))):
        ran = RAN.findall(ok(dvc(by_snakemake, "repro", stage)))
        assert stage in ran
        asked = left_to_snakemake(by_snakemake)  # of what is left, that one is done
        assert not any("baseline --seed 0 --split val --mode single" in c and "predict" in c
                       for c in asked)  # fmt: skip
        ok(snakemake(by_snakemake, "reports/smoke/results.csv"))
        assert left_to_dvc(by_snakemake) == left_to_snakemake(by_snakemake)
        ok(dvc(by_snakemake, "repro"))
        assert left_to_snakemake(by_snakemake) == []
    # Snakemake's own records of the first run, with the first params, say nothing of these files.
    asked = left_to_snakemake(by_snakemake)
    assert kinds(asked).get("predict") == 9
    assert left_to_dvc(by_snakemake) == asked
    ok(snakemake(by_snakemake))
    assert (by_snakemake / detections).read_bytes() == before
    assert ok(dvc(by_snakemake, "status")).strip() == UP_TO_DATE


def test_switching_the_profile_loses_nothing(by_dvc):
    profile = by_dvc / "params/profile.yaml"
    with changed_file(profile, lambda _: "profile: demo\n"):
        ok(dvc(by_dvc, "repro", "radii@demo"))
        assert (by_dvc / "data/demo/radii.parquet").is_file()
    assert ok(dvc(by_dvc, "status")).strip() == UP_TO_DATE
    assert planned_jobs(snakemake(by_dvc, "-n")) == {}


def test_dvc_is_told_nothing_of_a_profile_that_it_does_not_follow(by_dvc):
    done = ok(snakemake(by_dvc, "--config", "profile=demo", "--", "data/demo/dataset.json"))
    assert "DVC follows params/profile.yaml (smoke)" in done or "Nothing to be done" in done


def test_a_second_repro_at_the_same_time_is_refused_and_harms_nothing(by_dvc):
    lock = by_dvc / ".dvc/tmp/lock"
    holder = run_in_background(by_dvc)
    try:
        refused = dvc(by_dvc, "repro")
    finally:
        holder.kill()
        holder.wait()
    assert refused.returncode != 0
    assert "lock" in refused.stderr
    assert lock.exists()
    assert ok(dvc(by_dvc, "status")).strip() == UP_TO_DATE


def run_in_background(folder):
    """A process that holds DVC's lock on a repository, as another `dvc repro` would."""
    import subprocess
    import sys

    from workflow.clone import environment_of

    program = (
        "import time\nfrom dvc.repo import Repo\n"
        "with Repo('.') as repo, repo.lock:\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment_of(folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_remote_brings_data_and_models_to_another_clone(by_dvc, tmp_path_factory, tmp_path):
    remote = tmp_path / "remote"
    ok(dvc(by_dvc, "remote", "add", "--force", "--default", "store", str(remote)))
    ok(dvc(by_dvc, "push"))
    git(by_dvc, "add", "-A")
    git(by_dvc, "commit", "-qm", "results")
    other = tmp_path_factory.mktemp("other") / "clone"
    git(by_dvc, "clone", "-q", str(by_dvc), str(other))
    ok(dvc(other, "pull"))
    ran = {name.split("@")[0] for name in RAN.findall(ok(dvc(other, "repro")))}
    assert ran <= {"inputs", "download", "tracking"}
    page = "reports/smoke/results.csv"
    assert (other / page).read_bytes() == (by_dvc / page).read_bytes()
    assert planned_jobs(snakemake(other, "-n")) == {}
    (other / "reports/smoke/index.html").unlink()
    done = run(other, "cornernet", "report", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    assert (other / "reports/smoke/index.html").is_file()


def test_metrics_plots_and_experiments(by_dvc):
    shown = ok(dvc(by_dvc, "metrics", "show", "--md"))
    rows = [line for line in shown.splitlines() if "reports/smoke/metrics/" in line]
    assert len(rows) == 9
    assert "metrics.AP_small" in shown
    assert "train@smoke-baseline-0" in ok(dvc(by_dvc, "dag"))
    assert "index.html" in ok(dvc(by_dvc, "plots", "show"))
    git(by_dvc, "add", "-A")
    git(by_dvc, "commit", "-q", "--allow-empty", "-m", "before an experiment")
    value = "params/smoke.yaml:detection.max_pairs=40"
    ok(dvc(by_dvc, "exp", "run", "--name", "fewer-pairs", "-S", value))
    table = ok(dvc(by_dvc, "exp", "show", "--md"))
    assert "fewer-pairs" in table
    assert "metrics.AP" in table
    assert "metrics/baseline-s0" in ok(dvc(by_dvc, "metrics", "diff", "--all", "HEAD"))


def test_dvc_sends_nothing_about_its_use(by_dvc):
    assert ok(dvc(by_dvc, "config", "core.analytics")).strip() == "false"
