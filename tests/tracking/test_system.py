"""What the machine did, beside the curves; and which call of a workflow engine a run is of."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from cornernet.tracking import initialise, open_run
from cornernet.tracking.invocation import invocation
from cornernet.tracking.system import SystemMetrics

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def system(monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    system = SystemMetrics()
    yield system
    system.stop()


def test_samples_are_means_since_they_were_last_taken(system):
    system.start()
    deadline = time.monotonic() + 30
    while not (first := system.take()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert 0 <= first["system/cpu_utilization_percentage"] <= 100
    assert 0 < first["system/system_memory_usage_percentage"] <= 100
    assert first["system/disk_available_megabytes"] > 0
    system.take()
    assert system.take() == {}
    assert system.take(last=True)


def test_without_mlflow_there_are_none(system, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("mlflow")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    system.start()
    assert system.take(last=True) == {}


def test_a_monitor_that_breaks_stops_nothing(system, monkeypatch):
    def collect(self):
        raise OSError("the driver is gone")

    monkeypatch.setattr(
        "mlflow.system_metrics.metrics.cpu_monitor.CPUMonitor.collect_metrics", collect
    )
    system.start()
    time.sleep(0.2)
    assert system.take(last=True) == {}


def test_every_run_has_its_machine_s_metrics_and_its_invocation(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("CORNERNET_INVOCATION", "tonight")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    run = open_run("demo", "baseline", 0, {}, {}, folder=tmp_path)
    run.begin()
    for iteration in range(1, 6):
        time.sleep(0.2)
        run.log(iteration, {"total": 1.0})
    run.finish("FINISHED")
    client = initialise("demo", tmp_path).client
    kept = client.get_run(run.run_id)
    history = client.get_metric_history(run.run_id, "system/cpu_utilization_percentage")
    steps = [point.step for point in history]
    assert steps == sorted(set(steps))
    assert set(steps) <= {1, 2, 3, 4, 5}
    assert len(steps) >= 2
    assert kept.data.tags["invocation"] == "tonight"


def test_dvc_names_its_call_by_its_process(tmp_path, monkeypatch):
    """A program called dvc runs a shell, which runs two commands: one invocation."""
    monkeypatch.delenv("CORNERNET_INVOCATION", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert invocation() is None
    dvc = tmp_path / "dvc"
    dvc.write_text(
        "import subprocess, sys\n"
        "for _ in range(2):\n"
        "    subprocess.run('exec 3>&1; ' + sys.argv[1], shell=True, check=True)\n"
    )
    show = "from cornernet.tracking.invocation import invocation; print(invocation())"
    command = f"{sys.executable} -c '{show}'; true"
    environment = {**os.environ, "DVC_STAGE": "train", "PYTHONPATH": str(REPOSITORY / "src")}
    calls = [
        subprocess.check_output([sys.executable, dvc, command], env=environment, text=True)
        for _ in range(2)
    ]
    (first, again), (other, _) = (call.splitlines() for call in calls)
    assert first == again != other
    assert " dvc " in first
