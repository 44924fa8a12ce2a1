"""Compiled for a GPU: that the whole of a chunk can be, tried on the CPU with cheap backends."""

from dataclasses import replace

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from training.tiny import CATEGORIES, tiny_params

from cornernet.model.corner_pooling import corner_pool
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import (
    ChunkLosses,
    compiled_losses,
    corner_targets,
    form_for,
    padded,
    plain_losses,
)
from cornernet.training.gradients import accumulate_gradients

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


def steps(params, chunks, form):
    """Losses and gradients of each step, and the statistics in the end."""
    torch.manual_seed(0)
    model = CornerNet(CATEGORIES, params.model).train()
    losses, found = ChunkLosses(CATEGORIES, params, CPU, form), []
    for one in chunks:
        model.zero_grad()
        found.append(accumulate_gradients(model, one, losses))
        found += [p.grad for p in model.parameters()]
    return found + list(model.buffers())


def test_one_graph_for_each_size_and_no_break(params, chunks):
    """Chunks of 2 images, which move running statistics, and of 3, which do not: two graphs."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = compiled_losses(params.train, pytest.fail, backend=backend)
    found = steps(params, chunks, compiled)
    assert len(graphs) == 2
    for ours, plain in zip(found, steps(params, chunks, plain_losses), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


def test_in_bf16_what_a_compiler_is_given_computes_the_same(params, chunks):
    """Autocast, the operator and its gradient, traced and run kernel by kernel.

    So a difference of a compiler's own kernels is not ours. Torch 2.13's default one has one on a
    CPU that is no rounding: compiled without its `layout_optimization`, which turns convolutions to
    the channels innermost, gradients in bf16 are as close to float64's as uncompiled.
    """
    lower = replace(params, train=replace(params.train, precision="bf16"))
    compiled = compiled_losses(lower.train, pytest.fail, backend="aot_eager")
    found, plain = (steps(lower, chunks[:1], form) for form in (compiled, plain_losses))
    for ours, theirs in zip(found, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


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


def test_what_cannot_be_compiled_runs_plainly_and_says_so_once(params, chunks):
    def backend(graph, inputs):
        raise RuntimeError("no compiler here")

    lines = []
    compiled = compiled_losses(params.train, lines.append, backend=backend)
    found, expected = (steps(params, chunks[:1], form) for form in (compiled, plain_losses))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not compiled.works
    (line,) = lines
    assert "train.compile" in line
    assert "no compiler here" in line
    assert "\n" not in line


def test_a_backward_pass_that_cannot_be_compiled_falls_back_too(params, chunks):
    """It is compiled when it is first run, after the forward pass has worked."""

    def fails(graph, inputs):
        raise RuntimeError("no kernel for this gradient")

    def works(graph, inputs):
        return make_boxed_func(graph.forward)

    backend = aot_autograd(fw_compiler=works, bw_compiler=fails)
    lines = []
    compiled = compiled_losses(params.train, lines.append, backend=backend)
    one = [{1: chunks[0][1]}]  # of which running statistics know nothing
    found, expected = (steps(params, one, form) for form in (compiled, plain_losses))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not compiled.works
    (line,) = lines
    assert "no kernel for this gradient" in line


def test_out_of_memory_is_no_reason_to_compile_no_more(params, chunks):
    def backend(graph, inputs):
        def run(*arguments):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return run

    compiled = compiled_losses(params.train, pytest.fail, backend=backend)
    model = CornerNet(CATEGORIES, params.model).train()
    with pytest.raises(torch.OutOfMemoryError):
        ChunkLosses(CATEGORIES, params, CPU, compiled)(model, chunks[0][0])
    assert compiled.works


def test_only_a_gpu_compiles(params):
    assert params.train.compile
    assert form_for(params.train, CPU, print) is plain_losses
    assert form_for(params.train, torch.device("cuda"), print) is not plain_losses
    without = replace(params.train, compile=False)
    assert form_for(without, torch.device("cuda"), print) is plain_losses


def test_empty_slots_for_a_fixed_shape_change_no_loss(params, chunks):
    chunk = chunks[0][1]
    model = CornerNet(CATEGORIES, params.model).train()
    fuller = padded(chunk, 6)
    assert fuller.mask.shape[1] == 6 > chunk.mask.shape[1]
    heats = [corner_targets(c, CATEGORIES, params.targets).tl_heat for c in (chunk, fuller)]
    assert torch.equal(*heats)
    losses = ChunkLosses(CATEGORIES, params, CPU)
    for one, other in zip(losses(model, chunk), losses(model, fuller), strict=True):
        torch.testing.assert_close(one, other)
