"""The fixtures' recipe for weights and inputs: numbers that follow from a name, a shape and a salt.

The README of the fixtures describes it. Each array has a generator of its own, seeded by the
CRC-32 of `salt:name`, so the order in which arrays are asked for does not matter. The generator
(legacy Mersenne twister, uniform doubles) gives the same bits on every platform.
"""

import math
import zlib
from collections.abc import Sequence

import numpy as np


def _draws(name: str, count: int, salt: str) -> np.ndarray:
    generator = np.random.RandomState(zlib.crc32(f"{salt}:{name}".encode()))
    return generator.random_sample(count)


def uniform(name: str, shape: Sequence[int], low: float, high: float, salt: str) -> np.ndarray:
    """U(low, high), computed in double precision, then float32."""
    draws = _draws(name, math.prod(shape), salt)
    return (low + (high - low) * draws).astype(np.float32).reshape(tuple(shape))


def parameter(name: str, shape: Sequence[int], salt: str) -> np.ndarray:
    """One entry of a state dict with the released names.

    Convolution weights U(-a, a), a = sqrt(6 / fan-in); batch-norm weights U(0.3, 0.7); all biases
    U(-0.2, 0.2); running means 0 and variances 1; counters 0.
    """
    last = name.rpartition(".")[2]
    if last == "num_batches_tracked":
        return np.zeros(tuple(shape), np.int64)
    if last in ("running_mean", "running_var"):
        return np.full(tuple(shape), float(last == "running_var"), np.float32)
    if last == "bias":
        return uniform(name, shape, -0.2, 0.2, salt)
    if len(shape) == 1:
        return uniform(name, shape, 0.3, 0.7, salt)
    bound = math.sqrt(6.0 / math.prod(shape[1:]))
    return uniform(name, shape, -bound, bound, salt)


def image(height: int, width: int, salt: str, batch: int = 1) -> np.ndarray:
    """Network input [batch, 3, height, width], U(-2, 2)."""
    return uniform(f"image{batch}x{height}x{width}", (batch, 3, height, width), -2.0, 2.0, salt)


def positions(head: str, size: int, count: int, salt: str) -> np.ndarray:
    """`count` flat indices into an output of `size` values, int64; some may repeat."""
    draws = uniform(f"positions/{head}/{size}", (count,), 0.0, 1.0, salt)
    return np.minimum((draws.astype(np.float64) * size).astype(np.int64), size - 1)
