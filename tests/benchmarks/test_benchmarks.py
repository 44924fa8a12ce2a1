"""`python -m benchmarks`: all of it runs, its forms agree, and its records say what it measured."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import corner_pooling, evaluation, gpu, tested_image, training
from benchmarks.__main__ import BENCHMARKS, CPU_ITEMS, GPU_ITEMS, main
from benchmarks.measuring import Settings
from benchmarks.record import Record
from cornernet.model.network import CornerOutputs

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def quick(tmp_path):
    """Runs a benchmark in quick mode, on made data."""

    def run(name, *more):
        options = ["--quick", "--out", str(tmp_path), "--data", "absent", "--threads", "1"]
        return main([name, *options, *more])

    return run


QUICKEST = dict.fromkeys(name for name in (*CPU_ITEMS, *GPU_ITEMS) if name != "prepare")


@pytest.mark.parametrize("name", [*QUICKEST, pytest.param("prepare", marks=pytest.mark.slow)])
def test_each_writes_its_record(name, quick, tmp_path, capsys):
    assert quick(name) == 0
    (path,) = tmp_path.glob("*.json")
    assert re.fullmatch(rf"{name}-[a-z0-9-]+-[0-9]+-cores?-quick\.json", path.name)
    found = json.loads(path.read_text())
    assert (found["benchmark"], found["complete"], found["quick"]) == (name, True, True)
    assert (found["device"], found["threads"]) == ("cpu", 1)
    assert found["hardware"]["cores"] >= 1
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["command"].startswith("python -m benchmarks")
    assert all(found[key] for key in ("date", "sizes", "checks"))
    assert found["window"]["rounds"] >= 1
    printed = capsys.readouterr().out
    for measured in found["measurements"]:
        assert 0 < measured["low"] <= measured["median"] <= measured["high"]
        assert f"{measured['what']}, {measured['form']}" in printed
    assert len({measured["form"] for measured in found["measurements"]}) > 1
    assert str(path) in printed


def test_a_record_names_no_path_of_this_machine(tmp_path, monkeypatch):
    words = ["own_images", "--data", "../shared/data", "--yolo", str(tmp_path / "python")]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    record = Record("own_images", Settings(out=tmp_path))
    record.finish()
    found = [record.path, *(REPOSITORY / "reports/benchmarks").glob("*.json")]
    commands = [json.loads(path.read_text())["command"] for path in found]
    assert commands[0] == "python -m benchmarks own_images --data ../shared/data --yolo python"
    assert not any(Path(word).is_absolute() for line in commands for word in line.split())


class OtherLosses:
    def __init__(self, model):
        self.total = 1.01 * next(model.parameters()).sum()


def dull_network(model, precision="fp32"):
    return lambda images: CornerOutputs(*(1.01 * m for m in model(images, last_only=True)[-1]))


FAULTS = {
    "training": (training, "ChunkLosses", lambda *_: lambda model, _: OtherLosses(model), "first loss"),
    "tested_image": (tested_image, "as_network", dull_network, "heat"),
    "evaluation": (evaluation, "from_files", lambda *_: np.full(12, 0.5), "the twelve metrics"),
    "corner_pooling": (
        corner_pooling, "corner_pool", lambda down, right, corner: down + right, "outputs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_forms_that_differ_are_not_timed(name, quick, tmp_path, monkeypatch, capsys):
    module, what, wrong, said = FAULTS[name]
    monkeypatch.setattr(module, what, wrong)
    assert quick(name) == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("benchmarks ")]
    assert said in line
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trainin"], "did you mean 'training'?"),
        (["nonsense"], "training, tested_image"),
        (["evaluation", "--threads", "0"], "--threads 0: must be at least 1"),
        (["evaluation", "--device", "cuda"], "it is measured on cpu, not on cuda"),
        (["step", "--device", "cpu"], "it is measured on cuda, not on cpu"),
        pytest.param(
            ["gpu"], "torch sees no GPU here",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU would be measured"),
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(arguments, said, capsys, tmp_path):
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_alone_it_lists_them_and_imports_nothing_heavy():
    program = (
        "import sys\nfrom benchmarks.__main__ import main\nmain([])\n"
        "print('HEAVY', [name for name in ('torch', 'cv2', 'pandas') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert all(re.search(rf"^{name} +c", done.stdout, re.M) for name in BENCHMARKS)
    assert "HEAVY []" in done.stdout, done.stderr


@pytest.mark.slow
def test_on_a_machine_that_lacks_the_workflow_s_packages(tmp_path):
    """As on a machine lent for its GPU: the package not installed, no pydantic."""
    program = (
        "import sys\n"
        "for name in ('pydantic', 'mlflow', 'snakemake', 'dvc', 'pycocotools'):\n"
        "    sys.modules[name] = None\n"
        "from benchmarks.__main__ import main\n"
        "print([main([name, '--quick', '--out', sys.argv[1]]) for name in ('corner_pooling', 'evaluation')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "/usr/bin:/bin"},
    )
    assert "[0, 2]" in done.stdout, done.stderr
    assert "pycocotools, the baseline, is not installed" in done.stderr


def test_the_gpu_command_ends_in_time_and_keeps_what_there_is(tmp_path, monkeypatch, capsys):
    program = "import sys, time; time.sleep(0 if sys.argv[1] == 'a' else 60)"
    monkeypatch.setattr(gpu, "_command", lambda name, _: [sys.executable, "-c", program, name])
    began = time.monotonic()
    assert gpu.run_within_limit(("a", "b", "c"), Settings(), limit=2) == 0
    assert time.monotonic() - began < 20
    printed = capsys.readouterr().out
    assert "b: stopped, the time is over" in printed
    assert "c: left out" in printed


def test_a_run_that_is_cut_off_keeps_what_it_had(tmp_path):
    record = Record("training", Settings(out=tmp_path))
    record.add("a step", "ours", [1.0, 2.0, 4.0], "s")
    found = json.loads(record.path.read_text())
    assert not found["complete"]
    assert (found["measurements"][0]["median"], found["measurements"][0]["rounds"]) == (2.0, 3)
