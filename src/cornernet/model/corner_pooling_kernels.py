"""Compiled scans behind `corner_pooling.py`, for the CPU. Importing this module needs numba.

A scan walks a row or a column from its far end (`from_end`) or from index 0 and keeps the running
maximum. An element that exceeds all before it in the scan is a *record*: the outputs from there up
to the next record have its value, so it gets the sum of their gradients. A tie makes no record:
the first maximum in scan order keeps the gradient. A NaN is a record and stays the maximum.

The columns of an array are scanned side by side, the way they lie in memory. Rows are turned into
columns, `LANES` at a time. Single-threaded, so the sums do not depend on the number of threads.
"""

import numpy as np
from numba import njit

LANES = 16  # floats in the widest vector register of today


@njit(cache=True, nogil=True)
def pool_columns(values, pooled, record, from_end, add):  # type: ignore[no-untyped-def]
    """Running maxima along the middle axis of [N, L, M].

    Writes `record` (bool), and `pooled`: added to what it holds if `add`, else overwritten.
    """
    count, length, width = values.shape
    best = np.empty(width, values.dtype)
    first, direction = (length - 1, -1) if from_end else (0, 1)
    for n in range(count):
        best[:] = -np.inf
        for step in range(length):
            i = first + direction * step
            for j in range(width):
                value, previous = values[n, i, j], best[j]
                new = (value > previous) | (value != value)
                maximum = value if new else previous
                best[j] = maximum
                record[n, i, j] = new
                pooled[n, i, j] = pooled[n, i, j] + maximum if add else maximum
        record[n, first, :] = True


@njit(cache=True, nogil=True)
def return_columns(gradient, record, result, from_end):  # type: ignore[no-untyped-def]
    """Gradient of `pool_columns`: [N, L, M] of its output to [N, L, M] of its input, `result`.

    Against the scan: a record takes the gradients that wait for it.
    """
    count, length, width = gradient.shape
    zero = gradient.dtype.type(0)
    waiting = np.empty(width, gradient.dtype)
    last, direction = (0, 1) if from_end else (length - 1, -1)
    for n in range(count):
        waiting[:] = 0
        for step in range(length):
            i = last + direction * step
            for j in range(width):
                total = waiting[j] + gradient[n, i, j]
                taken = record[n, i, j]
                result[n, i, j] = total if taken else zero
                waiting[j] = zero if taken else total


@njit(cache=True, nogil=True)
def pool_rows(values, pooled, record, from_end, add):  # type: ignore[no-untyped-def]
    """Running maxima along the rows of [R, L]; outputs as in `pool_columns`."""
    rows, length = values.shape
    best = np.empty(LANES, values.dtype)
    turned = np.zeros((length, LANES), values.dtype)
    maxima = np.empty((length, LANES), values.dtype)
    records = np.empty((length, LANES), np.bool_)
    first = length - 1 if from_end else 0
    for start in range(0, rows, LANES):
        lanes = min(LANES, rows - start)
        for r in range(lanes):
            for j in range(length):
                turned[j, r] = values[start + r, j]
        best[:] = -np.inf
        for step in range(length):
            j = length - 1 - step if from_end else step
            for r in range(LANES):
                value, previous = turned[j, r], best[r]
                new = (value > previous) | (value != value)
                maximum = value if new else previous
                best[r] = maximum
                records[j, r] = new
                maxima[j, r] = maximum
        records[first, :] = True
        for r in range(lanes):
            for j in range(length):
                record[start + r, j] = records[j, r]
                before = pooled[start + r, j]
                pooled[start + r, j] = before + maxima[j, r] if add else maxima[j, r]


@njit(cache=True, nogil=True)
def return_rows(gradient, record, result, from_end):  # type: ignore[no-untyped-def]
    """Gradient of `pool_rows`: [R, L] of its output to [R, L] of its input, `result`.

    Four rows at a time: each waits for its own last addition, the processor for none.
    """
    rows, length = gradient.shape
    zero = gradient.dtype.type(0)
    last, direction = (0, 1) if from_end else (length - 1, -1)
    whole = rows - rows % 4
    for r in range(0, whole, 4):
        first = second = third = fourth = zero
        for step in range(length):
            j = last + direction * step
            first, result[r, j] = _take(first + gradient[r, j], record[r, j], zero)
            second, result[r + 1, j] = _take(second + gradient[r + 1, j], record[r + 1, j], zero)
            third, result[r + 2, j] = _take(third + gradient[r + 2, j], record[r + 2, j], zero)
            fourth, result[r + 3, j] = _take(fourth + gradient[r + 3, j], record[r + 3, j], zero)
    for r in range(whole, rows):
        waiting = zero
        for step in range(length):
            j = last + direction * step
            waiting, result[r, j] = _take(waiting + gradient[r, j], record[r, j], zero)


@njit(cache=True, nogil=True)
def _take(total, taken, zero):  # type: ignore[no-untyped-def]
    """What goes on waiting, and what a cell gets: the total goes to a record, else it waits."""
    return (zero, total) if taken else (total, zero)
