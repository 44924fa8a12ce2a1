"""What `cornernet plan` measures: seconds per step, and what training keeps in memory."""

import pytest
import torch
from training.tiny import CATEGORIES, tiny_params

from cornernet.commands.measurement import COPIES, kept_bytes, measure_step
from cornernet.model.network import CornerNet


@pytest.fixture
def params(tmp_path):
    return tiny_params(tmp_path)


def test_kept_bytes_are_those_of_a_real_forward_pass(tmp_path):
    """Counted on the CPU by address: every tensor that the backward pass will need, once.

    Without corner pooling, which keeps other things on a CPU, where it has kernels of its own.
    """
    params = tiny_params(tmp_path, "model.corner_pooling=false")
    torch.manual_seed(0)
    model = CornerNet(CATEGORIES, params.model).train()
    own = {parameter.data_ptr() for parameter in model.parameters()}
    sizes, alive = {}, []

    def keep(tensor):
        alive.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    side = params.augmentation.input_size
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.zeros(3, 3, side, side))
    parameters = sum(4 * parameter.numel() for parameter in model.parameters())
    expected = COPIES * parameters + sum(sizes.values())
    assert kept_bytes(params, CATEGORIES, 3) == expected


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
