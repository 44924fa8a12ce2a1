"""What tests of training share: a tiny data set, its chunks, and one thread per process."""

import pytest
import torch
from training.tiny import chunks_of, make_coco


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Several tests run side by side: torch must not start as many threads as there are cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The folder of the tiny data set."""
    folder = tmp_path_factory.mktemp("coco") / "data"
    make_coco(folder)
    return folder


@pytest.fixture(scope="module")
def chunks(params):
    """The chunks by number of each iteration, for the `params` of the test's module."""
    return chunks_of(params)
