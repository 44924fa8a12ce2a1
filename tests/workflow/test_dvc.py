"""What DVC does besides running stages: profiles, remotes, experiments."""

import pytest

from workflow.clone import RAN, changed_file, dvc, git, ok, run
from workflow.graphs import dvc_changed, left_to_snakemake

pytestmark = pytest.mark.long


def test_switching_the_profile_loses_nothing(by_dvc):
    profile = by_dvc / "params/profile.yaml"
    with changed_file(profile, lambda _: "profile: demo\n"):
        ok(run(by_dvc, "cornernet", "dvc-yaml"))
        ok(dvc(by_dvc, "repro", "radii-demo"))
        assert (by_dvc / "data/demo/radii.parquet").is_file()
    ok(run(by_dvc, "cornernet", "dvc-yaml"))
    assert dvc_changed(by_dvc) == set()
    assert left_to_snakemake(by_dvc) == []


def test_a_remote_brings_data_and_models_to_another_clone(by_dvc, tmp_path_factory, tmp_path):
    remote = tmp_path / "remote"
    ok(dvc(by_dvc, "remote", "add", "--force", "--default", "store", str(remote)))
    ok(dvc(by_dvc, "push"))
    git(by_dvc, "add", "-A")
    git(by_dvc, "commit", "-qm", "results")
    other = tmp_path_factory.mktemp("other") / "clone"
    git(by_dvc, "clone", "-q", str(by_dvc), str(other))
    ok(dvc(other, "pull"))
    ran = {name.split("-")[0] for name in RAN.findall(ok(dvc(other, "repro")))}
    assert ran <= {"inputs", "download"}
    page = "reports/smoke/results.csv"
    assert (other / page).read_bytes() == (by_dvc / page).read_bytes()
    assert left_to_snakemake(other) == []
    (other / "reports/smoke/index.html").unlink()
    done = run(other, "cornernet", "report", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    assert (other / "reports/smoke/index.html").is_file()


def test_metrics_plots_and_experiments(by_dvc):
    shown = ok(dvc(by_dvc, "metrics", "show", "--md"))
    rows = [line for line in shown.splitlines() if "reports/smoke/metrics/" in line]
    assert len(rows) == 3
    assert "metrics.AP_small" in shown
    assert "train-smoke-baseline-s0" in ok(dvc(by_dvc, "dag"))
    assert "index.html" in ok(dvc(by_dvc, "plots", "show"))
    git(by_dvc, "add", "-A")
    git(by_dvc, "commit", "-q", "--allow-empty", "-m", "before an experiment")
    value = "params/smoke.yaml:evaluation.halves=0"
    ok(dvc(by_dvc, "exp", "run", "--name", "unsampled", "-S", value))
    table = ok(dvc(by_dvc, "exp", "show", "--md"))
    assert "unsampled" in table
    assert "metrics.AP" in table
    assert "metrics/baseline-s0" in ok(dvc(by_dvc, "metrics", "diff", "--all", "HEAD"))
