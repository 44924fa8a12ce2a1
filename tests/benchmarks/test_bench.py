"""`cornernet bench`: every benchmark runs, holds its sides together, and writes what it found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cornernet.benchmarks import (
    annotations,
    bootstrap,
    corner_pooling,
    decode,
    evaluation,
    hourglass,
    registry,
    sampling,
    soft_nms,
)
from cornernet.benchmarks.registry import BENCHMARKS, Benchmark
from cornernet.cli import main
from cornernet.config import load_params
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.detection.decode import CornerPairs
from cornernet.evaluation.coco_metrics import METRICS
from cornernet.model.network import CornerNet, CornerOutputs
from cornernet.model.weights import save_weights

REPOSITORY = Path(__file__).parents[2]
# Those of this file; what is measured on a GPU too has tests of its own beside it.
OURS = (
    *("corner_pooling", "sampling", "decode", "soft_nms", "hourglass"),
    *("evaluation", "bootstrap", "annotations", "start_up"),
)
ALONE = ("annotations", "start_up")  # nothing stands beside them


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture
def bench(tmp_path):
    """Runs the command in quick mode, on made data."""

    def run(name, *more):
        options = ["--quick", "--out", str(tmp_path), "--data", "absent", "--threads", "1"]
        return main(["bench", name, "--device", "cpu", *options, *more])

    return run


def record(folder, name):
    (path,) = folder.glob(f"{name}-*.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("name", OURS)
def test_a_benchmark_writes_its_record(name, bench, tmp_path, capsys):
    assert bench(name) == 0
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(rf"{name}-[a-z0-9-]+-[0-9]+-cores?-quick\.json", path.name)
    found = json.loads(path.read_text())
    assert found["benchmark"] == name
    assert found["hardware"]["cores"] >= 1
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["versions"]["cornernet"]
    assert (found["device"], found["threads"], found["quick"]) == ("cpu", 1, True)
    assert found["window"]["rounds"] == 1
    assert found["sizes"]
    assert found["measurements"]
    for measured in found["measurements"]:
        spread = measured["value"]
        assert 0 < spread["low"] <= spread["median"] <= spread["high"]
        assert spread["samples"] >= 1
    for claim in found["claims"]:
        assert claim["value"]["median"] > 0
        assert (claim["reached"] is None) == (claim["aim"] is None)
    assert found["checks"] or name == "start_up"
    if name not in ALONE:
        assert len({measured["side"] for measured in found["measurements"]}) > 1
    printed = capsys.readouterr().out
    for measured in found["measurements"]:
        assert measured["side"] in printed
    assert str(path) in printed


def wrong_pairs(outputs, params):
    pairs = real_decode(outputs, params)
    return CornerPairs(*pairs[:4], (pairs.category + 1), pairs.valid)


real_decode = decode.decode


class BrightSamples(TrainingSamples):
    """Images a hundredth of a deviation too bright."""

    def sample(self, epoch, index):
        made = super().sample(epoch, index)
        return type(made)(**{**vars(made), "image": made.image + np.float32(0.01)})


def half_resampled(evaluated, resamples, seed, threads=None):
    return np.full((resamples, len(METRICS)), 50.0)


def dull_network(model, precision="fp32"):
    def network(images):
        return CornerOutputs(*(1.01 * maps for maps in model(images, last_only=True)[-1]))

    return network


FAULTS = {
    "corner_pooling": (corner_pooling, "corner_pool", corner_pooling.flip_and_cummax, "ties"),
    "decode": (decode, "decode", wrong_pairs, "categories"),
    "soft_nms": (soft_nms, "soft_nms", lambda rows, params: rows, "rows"),
    "sampling": (sampling, "TrainingSamples", BrightSamples, "images"),
    "evaluation": (
        evaluation, "metric_values", lambda rankings, weights: np.full((1, 16), 50.0), "twelve",
    ),
    "bootstrap": (bootstrap, "resampled_metrics", half_resampled, "resample"),
    "hourglass": (hourglass, "as_network", dull_network, "heat"),
    "annotations": (
        annotations, "write_annotations",
        lambda path, images, boxes: real_write(path, images, boxes - 1), "counted",
    ),
}  # fmt: skip
real_write = annotations.write_annotations


@pytest.mark.parametrize("name", FAULTS)
def test_two_things_that_differ_are_not_timed(name, bench, tmp_path, monkeypatch, capsys):
    module, what, wrong, said = FAULTS[name]
    monkeypatch.setattr(module, what, wrong)
    assert bench(name) == 1
    error = capsys.readouterr().err
    assert error.startswith("cornernet bench: ")
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_benchmark_that_compares_refuses_a_fault():
    assert set(FAULTS) >= set(OURS) - {"start_up"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["decod"], "did you mean 'decode'?"),
        (["nonsense"], "corner_pooling, sampling"),
        (["decode", "--threads", "0"], "--threads 0: must be at least 1"),
        (["decode", "--weights", "w.safetensors"], "decode does not use any"),
        (["hourglass", "--weights", "absent.safetensors"], "absent.safetensors: no such file"),
        (["decode", "--device", "cuda"], "measured on cpu, not on cuda"),
    ],
)
def test_bad_input_is_one_line(arguments, said, capsys, tmp_path):
    assert main(["bench", *arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="only where there is no GPU")
def test_without_a_gpu_nothing_is_measured_on_one(monkeypatch, capsys):
    on_gpu = Benchmark("on_gpu", "made for this test", {"cuda": "soft_nms"})
    monkeypatch.setattr(registry, "_LIST", (on_gpu,))
    assert main(["bench", "gpu"]) == 2
    assert "torch sees no GPU here" in capsys.readouterr().err


def test_alone_it_lists_them(capsys):
    assert main(["bench"]) == 0
    printed = capsys.readouterr().out
    assert all(re.search(rf"^{name} +c", printed, re.M) for name in BENCHMARKS)


def test_one_that_fails_does_not_lose_the_others(bench, tmp_path, monkeypatch, capsys):
    wanted = [BENCHMARKS[name] for name in ("decode", "soft_nms", "start_up")]
    monkeypatch.setattr(registry, "_LIST", wanted)
    monkeypatch.setattr(soft_nms, "soft_nms", lambda rows, params: rows)
    monkeypatch.setattr(decode, "made_outputs", lambda *_, **__: 1 / 0)
    assert bench("all") == 1
    error = capsys.readouterr().err
    assert "2 of 3 failed: decode: ZeroDivisionError" in error
    assert "soft_nms: " in error
    assert record(tmp_path, "start_up")["claims"]


def test_trained_weights_show_what_bf16_costs(tmp_path, bench, monkeypatch):
    data = f"data.root={tmp_path / 'shapes'}"
    asked = ["--profile", "smoke", "--set", data]
    assert main(["download", *asked]) == 0
    params = load_params("smoke")
    weights = tmp_path / "w.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_weights(weights, CornerNet(4, params.model))
    folder = tmp_path / "out"
    assert bench("hourglass", *asked, "--weights", str(weights), "--out", str(folder)) == 0
    found = record(folder, "hourglass")
    assert [m["case"] for m in found["measurements"]][-2:] == ["val", "val"]
    (claim,) = [claim for claim in found["claims"] if claim["case"] == "val"]
    assert (claim["aim"], claim["at_least"]) == (0.2, False)


def test_on_a_machine_that_lacks_the_workflow_s_packages(tmp_path):
    """As on a machine lent for its GPU: the package not installed, no pydantic."""
    program = (
        "import sys\n"
        "for name in ('pydantic', 'mlflow', 'snakemake', 'dvc', 'pycocotools'):\n"
        "    sys.modules[name] = None\n"
        "from cornernet.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "bench"]

    def run(name):
        return subprocess.run(
            [*command, name, "--quick", "--out", str(tmp_path)],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "/usr/bin:/bin"},
        )

    done = run("soft_nms")
    assert done.returncode == 0, done.stderr
    assert record(tmp_path, "soft_nms")["claims"]
    done = run("evaluation")
    assert done.returncode == 2
    assert "pycocotools, the yardstick, is not installed" in done.stderr
