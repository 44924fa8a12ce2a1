"""What `cornernet plan` measures: seconds per step, and what training keeps in memory."""

import pytest
import torch
from training.tiny import CATEGORIES, tiny_params

from cornernet.commands.measurement import measure_step


@pytest.fixture
def params(tmp_path):
    return tiny_params(tmp_path)


def test_a_measurement_has_every_size_of_chunk_and_takes_time(params):
    found = measure_step(params, CATEGORIES, "cpu")
    assert set(found.memory) == {1, 2}
    assert found.seconds_per_image > 0
    assert not found.memory_is_peak


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_memory_is_the_peak(params):
    found = measure_step(params, CATEGORIES, "cuda:0")
    assert found.memory_is_peak
    assert min(found.memory.values()) > 0
