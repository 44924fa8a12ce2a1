"""The plan: hours and memory, from a measurement here or from the authors' own figures."""

import json
import re
from types import SimpleNamespace

import pytest
import torch
from training.tiny import CATEGORIES, tiny_params

from cornernet.cli import main
from cornernet.commands.measurement import measure_step
from cornernet.config.schema import Train
from cornernet.training.group import describe_rounds, useful_gpus


@pytest.fixture
def printed(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)  # without params/: those of the package

    def run(*arguments):
        assert main(["plan", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_hours_of_one_gpu_and_days_on_those_that_are_named(printed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    every = SimpleNamespace(every=25_000, images=500)
    monkeypatch.setattr(Train, "validate", every, raising=False)
    text = printed("--profile", "paper", "--gpus", "8")
    assert "hours of one TITAN X (Pascal) (the authors and section 4.2)" in text
    # two weeks on ten GPUs for 500k iterations of a network with a 1x1 merge: half of it, and more
    (hours,) = re.findall(r"baseline-s0: iterations 0 to 250,000, .* ([\d,.]+) hours", text)
    assert 1680 < float(hours.replace(",", "")) < 1.05 * 1680
    assert "full_schedule-s0: iterations 250,000 to 500,000" in text
    assert "corners of no_corner_pooling-s0: 5,000 images" in text
    assert "8 GPUs: 2 rounds for the 10 chunks of a step, as on 5 GPUs" in text
    days = {
        int(each): (int(rounds), float(first), float(every))
        for each, rounds, first, every in re.findall(
            r"^ +(\d+) +(\d+) +([\d.]+) days +([\d.]+) days$", text, re.M
        )
    }
    assert {each: found[0] for each, found in days.items()} == {1: 10, 2: 5, 3: 4, 4: 3, 5: 2}
    assert days[5][1] == pytest.approx(250_000 * 10 * 1743.8 / (250_000 * 49) / 24, rel=0.01)
    # five trainings, of which the last waits for the first: one at a time, or two of four GPUs each
    assert days[5][2] == pytest.approx(5 * days[5][1], rel=0.01)
    assert days[4][2] == pytest.approx(3 * days[4][1], rel=0.01)
    assert "`--set train.chunks=[7,6,6,6,6,6,6,6]` keeps all 8 busy" in text
    assert "over 6 or 7 images, not 4 or 5" in text
    assert "at least 9.3 GiB for a chunk of 4 images, 10.9 GiB for a chunk of 5" in text
    assert re.search(r"^A100 .*  estimate: 50% of 19.5 TFLOP/s in fp32$", text, re.M)
    (share,) = re.findall(r"([\d.]+)% for testing 500 images every 25,000 iterations", text)
    assert 0 < float(share) <= 1
    single, several = (
        float(re.findall(rf"test_dev-{mode}_scale: 20,288 images, ([\d.]+) hours", text)[0])
        for mode in ("single", "multi")
    )
    assert single == pytest.approx(20288 * 0.244 / 3600, abs=0.06)  # 244 ms an image, section 4.2
    scales = 0.5**2 + 0.75**2 + 1 + 1.25**2 + 1.5**2
    assert several == pytest.approx(single * scales, rel=0.05)


def test_what_benchmarks_measured_on_a_card_replaces_its_estimate(printed, tmp_path):
    folder = tmp_path / "reports/benchmarks"
    folder.mkdir(parents=True)
    gpus = {"h100": "NVIDIA H100 80GB HBM3", "h200": "NVIDIA H200"}
    for slug, name in gpus.items():
        step = {"what": "a step", "form": "fp32", "unit": "images/s", "median": 20.0}
        record = {"device": "cuda", "quick": False, "hardware": {"gpus": [name]}}
        (folder / f"step-{slug}.json").write_text(json.dumps(record | {"measurements": [step]}))
    text = printed("--profile", "paper", "--no-measure")
    for name, slug in (("H100", "h100"), ("NVIDIA H200", "h200")):
        assert re.search(rf"^{name} +20\.0 .*measured: .*step-{slug}.json$", text, re.M)
    assert text.count("H100") == 1


def test_own_categories_are_known_before_prepare(printed, tmp_path):
    assert "80 categories (as many as COCO has: " in printed("--profile", "custom", "--no-measure")
    folder = tmp_path / "data/custom/source/annotations"
    folder.mkdir(parents=True)
    image = {"id": 1, "file_name": "1.png", "width": 9, "height": 9}
    tree = {"images": [image], "categories": [{"id": k, "name": f"c{k}"} for k in (1, 2, 5)]}
    for split in ("train", "val"):
        (folder / f"instances_{split}.json").write_text(json.dumps(tree | {"annotations": []}))
    text = printed("--profile", "custom", "--no-measure")
    assert "3 categories (data/custom/source/annotations/instances_train.json)" in text
    assert "baseline-s0-val-single_scale: 1 images" in text
    (folder / "instances_train.json").write_text("{")
    assert main(["plan", "--profile", "custom"]) == 2


@pytest.mark.parametrize(
    ("gpus", "said"),
    [
        (1, "1 GPU: 10 rounds for the 10 chunks of a step"),
        (5, "5 GPUs: 2 rounds for the 10 chunks of a step"),
        (9, "as on 5 GPUs; `--set train.devices=5` (Snakemake: `--config set=train.devices=5`) leaves 4 free"),
        (16, "as on 10 GPUs; `--set train.devices=10` (Snakemake: `--config set=train.devices=10`) leaves 6 free"),
    ],
)  # fmt: skip
def test_gpus_that_would_wait_are_left_to_others(gpus, said):
    assert said in describe_rounds(10, gpus)
    assert [useful_gpus(10, n) for n in range(1, 12)] == [1, 2, 3, 4, 5, 5, 5, 5, 5, 10, 10]


def test_measured_here_the_rates_are_this_machines(printed):
    """Where there is no GPU, on the CPU: asked for, as it takes its time."""
    text = printed("--profile", "smoke", "--measure")
    assert "hours of one CPU like this one (measured just now" in text
    assert re.search(r"baseline-s0: iterations 0 to 6, 4 images each, \d+ seconds", text)
    assert "4 categories (the embedded shapes)" in text
    assert re.search(r"at least \d+\.\d [MG]iB for a chunk of 2 images", text)
    assert "takes longer than its operations say" in text


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=GPU)])
def test_steps_take_time_and_on_a_gpu_memory(tmp_path, device):
    seconds, memory = measure_step(tiny_params(tmp_path), CATEGORIES, device)
    assert seconds > 0
    assert set(memory) == ({1, 2} if device == "cuda:0" else set())
    assert all(size > 0 for size in memory.values())
