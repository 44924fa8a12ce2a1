"""Random numbers for the embedded data set, the same on every machine and NumPy version.

NumPy promises stable streams of its bit generators and seed sequences alone, not of the methods
of its Generator; so integers are made here from raw 64-bit words, without any floating point.
"""

import numpy as np


class PortableRandom:
    """A stream of random numbers, given by a seed and a key, such as (split, image's index)."""

    def __init__(self, seed: int, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))

    def integer(self, low: int, high: int) -> int:
        """One of low, ..., high, both included; the bias is below 2^-40 for ranges to 2^24."""
        return low + ((int(self._bits.random_raw()) * (high - low + 1)) >> 64)

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred draws."""
        return self.integer(0, 99) < percent

    def noise(self, height: int, width: int, channels: int) -> np.ndarray:
        """Independent values from 0 to 255.  int32 [height, width, channels]"""
        number = height * width * channels
        words = np.asarray(self._bits.random_raw((number + 7) // 8)).astype("<u8")
        return words.view(np.uint8)[:number].reshape(height, width, channels).astype(np.int32)
