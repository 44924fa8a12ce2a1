"""A benchmark refuses to time two things that do not compute the same."""

import numpy as np
from numpy.typing import ArrayLike

from cornernet.benchmarks.errors import SidesDiffer


def require_same(what: str, ours: ArrayLike, theirs: ArrayLike, tolerance: float = 0.0) -> str:
    """A sentence for the record that two arrays agree; raises SidesDiffer if they do not.

    Args:
        what: what is compared, for the sentence.
        ours, theirs: arrays of one shape, or what numpy makes one of (CPU tensors too). NaN
            agrees with NaN.
        tolerance: largest absolute difference; 0: equal to the bit (but 0 equals -0).
    """
    mine, other = np.asarray(ours), np.asarray(theirs)
    if mine.shape != other.shape:
        raise SidesDiffer(f"{what}: shapes differ, {mine.shape} and {other.shape}")
    if np.array_equal(mine, other, equal_nan=mine.dtype.kind in "fc"):
        return f"{what}: equal"
    difference = np.abs(mine.astype(np.float64) - other.astype(np.float64))
    both_nan = np.isnan(mine.astype(np.float64)) & np.isnan(other.astype(np.float64))
    largest = float(np.where(both_nan, 0.0, difference).max())
    if not largest <= tolerance:  # a NaN on one side is refused too
        raise SidesDiffer(f"{what}: differs by {largest:.3g}, more than {tolerance:.3g}")
    return f"{what}: largest difference {largest:.2g} (allowed {tolerance:.2g})"


def require(what: str, holds: bool) -> str:
    """The sentence for the record, or SidesDiffer if it does not hold."""
    if not holds:
        raise SidesDiffer(f"{what}: does not hold")
    return what
