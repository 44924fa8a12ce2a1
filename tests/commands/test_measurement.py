"""What `cornernet plan` measures: seconds per step, and on a GPU the memory of each chunk size."""

import pytest
import torch
from training.tiny import CATEGORIES, tiny_params

from cornernet.commands.measurement import measure_step

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=GPU)])
def test_steps_take_time_and_on_a_gpu_memory(tmp_path, device):
    seconds, memory = measure_step(tiny_params(tmp_path), CATEGORIES, device)
    assert seconds > 0
    assert set(memory) == ({1, 2} if device == "cuda:0" else set())
    assert all(size > 0 for size in memory.values())
