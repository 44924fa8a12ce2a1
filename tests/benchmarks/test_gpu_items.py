"""The benchmarks for GPUs, run on the CPU at tiny sizes: the very code, and their own checks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cornernet.benchmarks import (
    corner_pooling_cuda,
    short_training,
)
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.errors import SidesDiffer
from cornernet.benchmarks.record import as_json
from cornernet.benchmarks.registry import BENCHMARKS, function_of
from cornernet.config import load_params

ROOT = Path(__file__).parents[2]
ITEMS = [benchmark for benchmark in BENCHMARKS.values() if "cuda" in benchmark.modules]


@pytest.fixture
def conditions(tmp_path):
    return Conditions(
        load_params("paper", folder=ROOT / "params"), threads=1, quick=True, data=tmp_path
    )


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_each_runs_and_says_where(item, conditions):
    result = function_of(item, "cuda", quick=True)(conditions)
    assert result.measurements
    assert all(m.value.median >= 0 for m in result.measurements)
    assert any("device: cpu" in note and "no measurement" in note for note in result.notes)
    assert result.checks
    json.dumps(as_json("item", result, {}), allow_nan=False)


def test_forms_that_differ_are_not_timed(conditions, monkeypatch):
    monkeypatch.setattr(corner_pooling_cuda, "_ours", lambda maps: (maps[0], maps[1], maps[2]))
    with pytest.raises(SidesDiffer, match="outputs"):
        corner_pooling_cuda.run(conditions)


def test_a_training_by_time_lowers_its_rate_and_stops(conditions, tmp_path):
    params = short_training.mid_size(conditions, iterations=1000, precision="fp32")
    split, _ = short_training.real_split(conditions, "train", tmp_path)
    trainer = short_training.new_trainer(params, split, "cpu", print)
    clock = map(float, range(1000))
    curve = short_training.follow(trainer, split, seconds=5, clock=lambda: next(clock))
    assert len(curve.losses) == len(curve.gradient_norms) == trainer.iteration == 7
    rate = trainer.optimizer.param_groups[0]["lr"]
    assert rate == pytest.approx(params.train.learning_rate / 10)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here, and would be measured")
def test_without_a_gpu_one_line_says_so():
    command = [sys.executable, "-m", "cornernet", "bench", "gpu"]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no GPU" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_items_import_without_the_workflow_s_packages():
    names = [f"cornernet.benchmarks.{item.modules['cuda']}" for item in ITEMS]
    program = (
        "import sys, importlib\n"
        "for name in ('snakemake', 'dvc', 'mlflow', 'pycocotools', 'pydantic', 'triton'):\n"
        "    sys.modules[name] = None\n"
        f"for name in {names!r} + ['cornernet.stages.bench']:\n    importlib.import_module(name)\n"
        "from cornernet.config import load_params\n"
        "load_params('paper')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
