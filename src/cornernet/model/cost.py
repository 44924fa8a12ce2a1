"""Parameters and convolution arithmetic of the network, counted without building it.

So that `cornernet plan` answers at once. The count walks sections 3.4 and 3.5 as network.py does.
"""

from dataclasses import dataclass

from cornernet.config.schema import Model

BYTES = 4  # of a float32


@dataclass(frozen=True)
class Cost:
    """Learned parameters, and floating-point operations of one forward pass of one image."""

    parameters: int = 0
    operations: int = 0  # of convolutions; a multiplication and an addition are two

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.operations + other.operations)

    def times(self, count: int) -> "Cost":
        return Cost(self.parameters * count, self.operations * count)


def network_cost(params: Model, num_categories: int, input_size: int, last_only: bool) -> Cost:
    """Cost of the network on a square image of `input_size` pixels.

    With `last_only` the heads of earlier stacks do not run (testing); their parameters count all
    the same.
    """
    width, cells = params.dims[0], (input_size + 1) // 4
    stem = _convolution(7, 3, params.stem_channels, 2 * cells) + _residual(
        params.stem_channels, width, cells, stride=2
    )
    stack = _hourglass(params.dims, params.modules, cells) + _convolution(3, width, width, cells)
    merge = _convolution(params.merge_kernel, width, width, cells).times(2)
    merge += _residual(width, width, cells)
    heads = _head(params, num_categories, cells).times(2)
    total = stem + stack.times(params.stacks) + merge.times(params.stacks - 1)
    running = heads.times(1 if last_only else params.stacks)
    return total + Cost(heads.parameters * params.stacks, running.operations)


def _convolution(kernel: int, channels: int, out: int, cells: int, bias: bool = False) -> Cost:
    """A convolution that gives `cells` x `cells`, with a batch norm or else a bias."""
    weights = kernel * kernel * channels * out
    return Cost(weights + (out if bias else 2 * out), 2 * weights * cells * cells)


def _residual(channels: int, out: int, cells: int, stride: int = 1) -> Cost:
    cost = _convolution(3, channels, out, cells) + _convolution(3, out, out, cells)
    if stride != 1 or channels != out:
        cost += _convolution(1, channels, out, cells)
    return cost


def _hourglass(dims: tuple[int, ...], modules: tuple[int, ...], cells: int) -> Cost:
    outer, inner, count, half = dims[0], dims[1], modules[0], -(-cells // 2)
    skip = _residual(outer, outer, cells).times(count)
    down = _residual(outer, inner, half, stride=2) + _residual(inner, inner, half).times(count - 1)
    if len(dims) > 2:
        middle = _hourglass(dims[1:], modules[1:], half)
    else:
        middle = _residual(inner, inner, half).times(modules[1])
    up = _residual(inner, inner, half).times(count - 1) + _residual(inner, outer, half)
    return skip + down + middle + up


def _head(params: Model, num_categories: int, cells: int) -> Cost:
    width, pooled = params.dims[0], params.pool_channels
    cost = _convolution(3, width, pooled, cells).times(2) + _convolution(3, pooled, width, cells)
    cost += _convolution(1, width, width, cells) + _convolution(3, width, width, cells)
    for channels in (num_categories, 1, 2):  # heatmaps, embeddings, offsets
        cost += _convolution(3, width, width, cells, bias=True)
        cost += _convolution(1, width, channels, cells, bias=True)
    return cost
