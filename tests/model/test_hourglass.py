"""The hourglass's enlarging: one sum, in the form that suits who computes it."""

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch._inductor.decomposition import select_decomp_table

from cornernet.model.hourglass import add_enlarged

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["outermost", "innermost"])
def test_a_compiler_is_shown_a_sum_and_no_scattered_gradient(layout):
    """Sorted or atomic additions, 21 million a chunk, would take a GPU longer than the network."""
    seen = []

    def keep(graph, inputs):
        seen.extend(str(node.target) for node in graph.graph.nodes)
        return make_boxed_func(graph.forward)

    # The decompositions are the GPU compiler's: it is there that `interpolate` becomes a gather.
    backend = aot_autograd(fw_compiler=keep, bw_compiler=keep, decompositions=select_decomp_table())
    torch._dynamo.reset()
    compiled = torch.compile(add_enlarged, backend=backend, fullgraph=True, dynamic=False)
    kept = torch.randn(2, 3, 8, 12).to(memory_format=layout).requires_grad_()
    coarse = torch.randn(2, 3, 4, 6).to(memory_format=layout).requires_grad_()
    upstream = torch.randn(2, 3, 8, 12)
    found = []
    for form in (compiled, add_enlarged):
        total = form(kept, coarse)
        found.append((total, *torch.autograd.grad(total, (kept, coarse), upstream)))
    torch._dynamo.reset()
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][0].stride() == found[1][0].stride()
    for ours, plain in zip(found[0][1:], found[1][1:], strict=True):
        torch.testing.assert_close(ours, plain)
    assert any("sum" in name for name in seen)
    assert not [name for name in seen if "index" in name or "scatter" in name]
