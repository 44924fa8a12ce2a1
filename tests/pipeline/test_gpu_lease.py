"""GPU leases: each job its own devices, freed when its holder is killed."""

import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from cornernet.pipeline.gpu_lease import leased_gpus, lock_folder, uuids_by_cuda, visible_gpus

HOLDER = """
import sys, time
from pathlib import Path
from cornernet.pipeline.gpu_lease import leased_gpus
with leased_gpus(int(sys.argv[2]), print, gpus=["0", "1", "2"], folder=Path(sys.argv[1])) as mine:
    print(",".join(mine), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds so many of three GPUs, and tells which."""
    started = []

    def start(wanted):
        command = [sys.executable, "-c", HOLDER, str(tmp_path), str(wanted)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, process.stdout.readline().strip().split(",")

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_two_jobs_never_share_a_gpu(holder, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    _, first = holder(2)
    lines = []
    with leased_gpus(2, lines.append, gpus=["0", "1", "2"], folder=tmp_path) as mine:
        assert first == ["0", "1"]
        assert mine == ("2",)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"
    assert lines == ["1 of 2 GPUs that were asked for; the same steps, slower"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2"


def test_a_killed_holder_frees_its_gpus(holder, tmp_path):
    process, held = holder(3)
    assert held == ["0", "1", "2"]
    lines = []
    timer = threading.Timer(0.5, lambda: os.kill(process.pid, signal.SIGKILL))
    timer.start()
    with leased_gpus(3, lines.append, gpus=["0", "1", "2"], folder=tmp_path, pause=0.05) as mine:
        assert len(mine) >= 1
    assert lines[0] == "all 3 GPUs are held by other jobs; waiting for one"


def test_without_a_gpu_the_cpu_works_and_says_so(tmp_path):
    lines = []
    with leased_gpus(10, lines.append, gpus=[], folder=tmp_path) as mine:
        assert mine == ()
    assert lines == ["no GPU here, 10 asked for: the CPU does the work"]


def test_gpus_are_told_apart_without_starting_cuda_here(monkeypatch):
    """Started, CUDA keeps the devices that it saw first, whatever a lease says later."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("starts CUDA"))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: pytest.fail("starts CUDA"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a, MIG-b")
    assert visible_gpus() == ["GPU-a", "MIG-b"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert visible_gpus() == []  # what CUDA answers in another process, where nothing was changed
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert visible_gpus() == []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    properties = SimpleNamespace(uuid="0f12-34")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    assert uuids_by_cuda() == ["GPU-0f12-34", "GPU-0f12-34"]


def test_each_user_has_a_folder_for_locks(monkeypatch):
    mine = lock_folder()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert lock_folder() != mine
