"""Soft-NMS (Bodla et al., ICCV 2017; section 4.2 of the paper), also in the form that merges boxes.

A box that overlaps a better one is not dropped: its score is lowered, the more the larger the
overlap. Sides are counted in whole pixels, as in the released code: a box from x1 to x2 is
x2 - x1 + 1 wide.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cornernet.config.schema import SoftNms

METHODS = {"hard": 0, "linear": 1, "gaussian": 2}
BOX_AND_SCORE = 5  # leading columns of a row: x1, y1, x2, y2, score


def soft_nms(rows: NDArray[np.float32], params: SoftNms) -> NDArray[np.float32]:
    """Soft-NMS over the boxes of one category.

    `rows` is float32 [n, 5 or more]: x1, y1, x2, y2 in pixels, score, and further columns, which
    stay with their box. Returns new rows, the strongest first; a row whose score an overlap lowers
    below `params.score_floor` is left out.

    `params.stale_rows` repeats two faults of the released code. It returns all n rows: those after
    the survivors are leftovers, copies of boxes that were moved forward. And only box and score
    are moved when rows are sorted, so the further columns no longer belong to their box.
    """
    return _run(rows, params, merge_exponent=-1.0, together=not params.stale_rows)


def soft_nms_merge(
    rows: NDArray[np.float32], params: SoftNms, exponent: float, mismatched: bool
) -> NDArray[np.float32]:
    """Soft-NMS that also replaces each box by a weighted mean of itself and the boxes it lowers.

    This is multi-scale testing of the released code (nms.pyx). `rows` is float32 [n, 7 or more]: a
    box in pixels, its score, the scores of its top-left and of its bottom-right corner, and further
    columns. Each corner is averaged for itself. The weight of a lowered box is that corner's score
    times (1 - w)^exponent, where w is the factor that its score was multiplied by.

    `mismatched` repeats a fault of the released code: corner scores are not moved when rows are
    sorted, so a box may be weighted with the corner scores of another. Rows come back as from
    `soft_nms`.
    """
    if rows.shape[1] < BOX_AND_SCORE + 2:
        raise ValueError(f"merging needs rows of 7 columns or more, not of shape {rows.shape}")
    return _run(rows, params, merge_exponent=float(exponent), together=not mismatched)


def _run(
    rows: NDArray[np.float32], params: SoftNms, merge_exponent: float, together: bool
) -> NDArray[np.float32]:
    columns = np.array(rows.T, dtype=np.float32, order="C")  # a copy: the kernel works in place
    if columns.shape[1] == 0:
        return np.array(rows, dtype=np.float32)
    kept = _compiled()(
        columns,
        METHODS[params.method],
        np.float32(params.sigma),
        np.float32(params.iou_threshold),
        np.float32(params.score_floor),
        merge_exponent,
        len(columns) if together else BOX_AND_SCORE,
    )
    return np.ascontiguousarray(columns.T if params.stale_rows else columns[:, :kept].T)


@cache
def _compiled() -> Callable[..., int]:
    """The kernel, compiled at its first use and then kept on disk."""
    from numba import njit

    # error_model: a check for division by zero would keep the overlaps from being vectorised.
    return njit(cache=True, nogil=True, error_model="numpy")(_suppress)


def _suppress(
    columns: NDArray[np.float32],
    method: int,
    sigma: np.float32,
    iou_threshold: np.float32,
    score_floor: np.float32,
    merge_exponent: float,
    moving: int,
) -> int:
    """Soft-NMS in place on columns [5 or more, n]; returns how many leading rows survive.

    Only the first `moving` columns take part when rows change places. Boxes are merged unless
    `merge_exponent` is negative. All sums are in float32, as in the released code: a score that
    differs by an ulp may change the order of rows.
    """
    one, zero = np.float32(1.0), np.float32(0.0)
    x1, y1, x2, y2, score = columns[0], columns[1], columns[2], columns[3], columns[4]
    merge = merge_exponent >= 0
    iou = np.empty_like(score)
    count = len(score)
    best = int(np.argmax(score))
    first = 0
    while first < count:
        for column in range(moving):
            swapped = columns[column, first]
            columns[column, first] = columns[column, best]
            columns[column, best] = swapped

        # The overlap with every row that is left, without a branch, so that it is vectorised.
        left, top, right, bottom = x1[first], y1[first], x2[first], y2[first]
        area = (right - left + one) * (bottom - top + one)
        for row in range(first + 1, count):
            width = max(zero, min(right, x2[row]) - max(left, x1[row]) + one)
            height = max(zero, min(bottom, y2[row]) - max(top, y1[row]) + one)
            row_area = (x2[row] - x1[row] + one) * (y2[row] - y1[row] + one)
            iou[row] = width * height / (area + row_area - width * height)

        if merge:
            tl_total, br_total = columns[5, first], columns[6, first]
            mean_x1, mean_y1 = left * tl_total, top * tl_total
            mean_x2, mean_y2 = right * br_total, bottom * br_total
        best = row = first + 1
        best_score = -np.float32(np.inf)
        while row < count:
            if iou[row] > zero:
                weight = one
                if method == 2:
                    weight = np.float32(math.exp(-(iou[row] * iou[row]) / sigma))
                elif iou[row] > iou_threshold:
                    weight = one - iou[row] if method == 1 else zero
                if merge:
                    share = np.float32((one - weight) ** merge_exponent)
                    tl_share, br_share = columns[5, row] * share, columns[6, row] * share
                    mean_x1 += x1[row] * tl_share
                    mean_y1 += y1[row] * tl_share
                    mean_x2 += x2[row] * br_share
                    mean_y2 += y2[row] * br_share
                    tl_total += tl_share
                    br_total += br_share
                score[row] *= weight
                if score[row] < score_floor:
                    count -= 1  # the last row takes this row's place and is examined next
                    iou[row] = iou[count]
                    for column in range(moving):
                        columns[column, row] = columns[column, count]
                    continue
            if score[row] > best_score:
                best, best_score = row, score[row]
            row += 1

        if merge:
            x1[first], y1[first] = mean_x1 / tl_total, mean_y1 / tl_total
            x2[first], y2[first] = mean_x2 / br_total, mean_y2 / br_total
        first += 1
    return count
