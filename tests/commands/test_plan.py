"""The plan: hours and memory, from a measurement here or from the authors' own figures."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cornernet.cli import main
from cornernet.commands import plan


@pytest.fixture
def printed(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)  # without params/: those of the package

    def run(*arguments):
        assert main(["plan", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_without_a_gpu_the_source_of_the_figures_is_said(printed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    text = printed("--profile", "paper")
    assert "hours: at the speed of the authors' Titan X (PASCAL)" in text
    assert "memory of a GPU for a chunk of 4 or 5 images: not measured" in text
    # two weeks on ten GPUs for 500k iterations of a network with a 1x1 merge: half of it, and more
    (hours,) = re.findall(r"baseline-s0: iterations 0 to 250,000, .* ([\d,.]+) GPU hours", text)
    assert 1680 < float(hours.replace(",", "")) < 1.05 * 1680
    assert "full_schedule-s0: iterations 250,000 to 500,000" in text


def test_tests_take_the_papers_time_and_more_at_several_scales(printed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    text = printed("--profile", "released")

    def hours(test):
        (found,) = re.findall(rf"{test}: [\d,]+ images, ([\d.,]+) GPU hours", text)
        return float(found)

    single = hours("full_schedule-s0-test_dev-single_scale")
    assert single == pytest.approx(20288 * 0.244 / 3600, abs=0.06)  # 244 ms an image, section 4.2
    scales = 0.5**2 + 0.75**2 + 1 + 1.25**2 + 1.5**2
    assert hours("full_schedule-s0-test_dev-multi_scale") == pytest.approx(
        single * scales, rel=0.05
    )


def test_measured_here_the_rates_are_this_machines(printed):
    """Where there is no GPU, on the CPU: asked for, as it takes its time."""
    text = printed("--profile", "smoke", "--measure")
    (training, testing) = re.findall(r"([\d.]+) ms per image in training.*; ([\d.]+) ms", text)[0]
    assert min(float(training), float(testing)) > 0
    assert "hours: measured on" in text
    assert re.search(r"a chunk of 2 images: \d+\.\d [MG]iB", text)
    assert "not measured" not in text


def test_not_measured_where_it_is_not_wanted_and_few_seconds_are_told_as_seconds(
    printed, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    text = printed("--profile", "smoke", "--no-measure")
    assert "authors' Titan X" in text
    assert re.search(r"baseline-s0: iterations 0 to 6, 4 images each, less than a second", text)
    assert "4 categories" in text


def test_the_disk_that_data_is_on_is_measured(printed, monkeypatch, tmp_path):
    disk = tmp_path / "other_disk"
    disk.mkdir()
    Path("data").symlink_to(disk)
    free = {disk: SimpleNamespace(free=7 * plan.GIB)}
    monkeypatch.setattr(plan.shutil, "disk_usage", free.__getitem__)
    assert "free on the disk of data/demo/: 7.0 GiB" in printed("--profile", "demo", "--no-measure")
