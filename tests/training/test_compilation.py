"""Compiled for a GPU: that the whole of a chunk can be, tried on the CPU with cheap backends."""

from dataclasses import replace

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from training.tiny import CATEGORIES, tiny_params

from cornernet.errors import BadInput
from cornernet.model.corner_pooling import corner_pool
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import (
    ChunkLosses,
    compiled_losses,
    form_for,
    plain_losses,
)
from cornernet.training.gradients import accumulate_gradients, flat_gradients

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def params(data):
    schedule = ("train.iterations=2", "train.learning_rate_drops=[]", "train.chunks=[2, 3, 3]")
    return tiny_params(data, *schedule, "model.stacks=1", "targets.max_objects=6")


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def steps(params, chunks, form, report=pytest.fail):
    """Losses and gradients of each step, and the statistics in the end; the form by then."""
    torch.manual_seed(0)
    model = CornerNet(CATEGORIES, params.model).train()
    losses, found = ChunkLosses(CATEGORIES, params, CPU, form, report), []
    for one in chunks:
        flat_gradients(model)
        found.append(accumulate_gradients(model, one, losses))
        found += [p.grad for p in model.parameters()]
    return found + list(model.buffers()), losses.form


def assert_same(params, chunks, compiled, report=pytest.fail):
    """As the plain form computes, up to rounding. Returns the form that computed in the end."""
    found, form = steps(params, chunks, compiled, report)
    expected, _ = steps(params, chunks, plain_losses)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    return form


def fails(graph, inputs):
    raise RuntimeError("no compiler here")


def works(graph, inputs):
    return make_boxed_func(graph.forward)


@pytest.mark.long
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_graph_for_each_size_computes_the_same(params, chunks, precision):
    """Chunks of 2 images, which move running statistics, and of 3, which do not: two graphs.

    Traced, autocast, the operator and its gradient too, and run kernel by kernel, so that a
    difference of a compiler's own kernels is not ours. Torch 2.13's default one has one in bf16 on
    a CPU that is no rounding: compiled without its `layout_optimization`, which turns convolutions
    to the channels innermost, gradients are as close to float64's as uncompiled.
    """
    graphs = []

    def counted(graph, inputs):
        graphs.append(graph)
        return works(graph, inputs)

    params = replace(params, train=replace(params.train, precision=precision))
    backend = aot_autograd(fw_compiler=counted, bw_compiler=works)
    assert_same(params, chunks, compiled_losses(backend=backend))
    assert len(graphs) == 2


def test_corner_pooling_is_an_operator_that_compilers_can_hold():
    maps = [torch.randn(2, 3, 5, 7).round().requires_grad_() for _ in range(2)]
    operator = torch.ops.cornernet.running_maximum.default
    torch.library.opcheck(operator, (maps[0], "top"))
    last = [m.detach().to(memory_format=torch.channels_last).requires_grad_() for m in maps]
    torch.library.opcheck(operator, (last[0], "right"))
    compiled = torch.compile(
        lambda v, h: corner_pool(v, h, "top_left"), backend="aot_eager", fullgraph=True
    )
    upstream = torch.randint(-4, 4, (2, 3, 5, 7)).float()
    for inputs in (maps, last):
        found = []
        for pool in (compiled, lambda v, h: corner_pool(v, h, "top_left")):
            pooled = pool(*inputs)
            found.append((pooled, *torch.autograd.grad(pooled, inputs, upstream)))
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
        assert found[0][0].stride() == found[1][0].stride()


# A backward pass is compiled when it is first run, after the forward pass has worked.
@pytest.mark.slow
@pytest.mark.parametrize("backend", [fails, aot_autograd(fw_compiler=works, bw_compiler=fails)])
def test_what_cannot_be_compiled_runs_plainly_and_says_so_once(params, chunks, backend):
    lines, compiled = [], compiled_losses(backend=backend)
    one = [{1: chunks[0][1]}]  # of which running statistics know nothing
    assert assert_same(params, one, compiled, lines.append) is plain_losses
    (line,) = lines
    assert "train.compile" in line
    assert "no compiler here" in line
    assert "\n" not in line


@pytest.mark.long
def test_out_of_memory_is_no_reason_to_compile_no_more(params, chunks):
    def backend(graph, inputs):
        def run(*arguments):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return run

    with pytest.raises(BadInput, match="out of memory"):
        steps(params, chunks, compiled_losses(backend=backend))


def test_only_a_gpu_compiles(params):
    assert params.train.compile
    assert form_for(params.train, CPU) is plain_losses
    assert form_for(params.train, torch.device("cuda")) is not plain_losses
    without = replace(params.train, compile=False)
    assert form_for(without, torch.device("cuda")) is plain_losses
