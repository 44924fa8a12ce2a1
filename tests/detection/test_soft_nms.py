"""Soft-NMS without the released code's faults, which tests/parity has: merging, by loops."""

import math
from dataclasses import replace

import numpy as np
import pytest
from detection.detection_case import CLEAN

from cornernet.detection.soft_nms import METHODS, soft_nms, soft_nms_merge

PARAMS = CLEAN.soft_nms


def random_rows(seed, count, span=120.0):
    generator = np.random.default_rng(seed)
    low = generator.uniform(0, span, (count, 2))
    high = low + generator.uniform(4, 60, (count, 2))
    corner_scores = generator.uniform(0.01, 1, (count, 2))
    score = corner_scores.mean(axis=1, keepdims=True)
    return np.concatenate([low, high, score, corner_scores], axis=1).astype(np.float32)


def iou(a, b):
    """Intersection over union, counting pixels."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return None
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def weight_of(overlap, params):
    if params.method == "gaussian":
        return math.exp(-(overlap**2) / params.sigma)
    if overlap <= params.iou_threshold:
        return 1.0
    return 1 - overlap if params.method == "linear" else 0.0


def merged_by_loops(rows, params, exponent):
    """Take the best box, lower the others, repeat; in float64. Returns boxes and scores."""
    left = [[*map(float, row)] for row in rows]
    chosen = []
    while left:
        best = max(left, key=lambda row: row[4])
        left.remove(best)
        members, others = [(best, 1.0)], []
        for other in left:
            overlap = iou(best, other)
            if overlap is not None:
                weight = weight_of(overlap, params)
                members.append(([*other], (1 - weight) ** exponent))
                other[4] *= weight
            if overlap is None or other[4] >= params.score_floor:
                others.append(other)
        left = others
        box = [
            sum(row[at] * row[5 + at // 2] * share for row, share in members)
            / sum(row[5 + at // 2] * share for row, share in members)
            for at in range(4)
        ]
        chosen.append([*box, best[4]])
    return np.array(chosen)


@pytest.mark.parametrize("count", [1, 2, 30, 200])
@pytest.mark.parametrize("method", METHODS)
def test_merging_is_the_mean_over_what_a_box_lowers(method, count):
    params = replace(PARAMS, method=method)
    rows = random_rows(count, count)
    merged = soft_nms_merge(rows, params, 8.0, mismatched=False)
    expected = merged_by_loops(rows, params, exponent=8)
    np.testing.assert_allclose(merged[:, :5], expected, rtol=2e-4, atol=2e-4)


def test_corner_scores_travel_with_their_box_unless_told_otherwise():
    rows = random_rows(3, 50)
    clean = soft_nms(rows, PARAMS)
    partner = {row[:4].tobytes(): row[5:].tolist() for row in rows}
    assert all(partner[row[:4].tobytes()] == row[5:].tolist() for row in clean)
    matched = soft_nms_merge(rows, PARAMS, 8.0, mismatched=False)
    mismatched = soft_nms_merge(rows, PARAMS, 8.0, mismatched=True)
    np.testing.assert_array_equal(matched[:, 4], mismatched[:, 4])
    assert not np.allclose(matched[:, :4], mismatched[:, :4])
