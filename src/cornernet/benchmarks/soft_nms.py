"""Soft-NMS of one category's boxes, beside the same steps as a loop over numpy arrays."""

import numpy as np
from numpy.typing import NDArray

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.record import Claim, Result, timed, times_as_fast
from cornernet.benchmarks.timing import time_in_turn
from cornernet.config.schema import SoftNms
from cornernet.detection.soft_nms import soft_nms

BOXES = 1000
QUICK_BOXES = 40
SIDE = 500.0  # pixels of the image that the boxes lie in
YARDSTICK = "numpy loop"
AIM_MS = 3.0


def run(conditions: Conditions) -> Result:
    """Time Gaussian soft-NMS, without stale rows, of boxes that overlap much."""
    rows = made_boxes(QUICK_BOXES if conditions.quick else BOXES)
    params = SoftNms(
        method="gaussian",
        sigma=conditions.params.detection.soft_nms.sigma,
        iou_threshold=conditions.params.detection.soft_nms.iou_threshold,
        score_floor=conditions.params.detection.soft_nms.score_floor,
        stale_rows=False,
    )
    ours, theirs = soft_nms(rows, params), plain_soft_nms(rows, params)
    check = require_same(f"{len(ours)} rows that are left", ours, theirs, tolerance=1e-4)
    window = conditions.window(rounds=40, seconds=12)
    times = time_in_turn(
        {"ours": lambda: soft_nms(rows, params), YARDSTICK: lambda: plain_soft_nms(rows, params)},
        window,
    )
    return Result(
        measurements=tuple(timed("", times)),
        claims=(
            Claim("", "ms", times["ours"].spread, AIM_MS, at_least=False),
            times_as_fast("", times, YARDSTICK, None),
        ),
        checks=(check,),
        sizes={"boxes": len(rows), "left": len(ours), "method": params.method},
        window=window,
    )


def made_boxes(count: int) -> NDArray[np.float32]:
    """Boxes in clusters, as detections of some objects are: rows x1, y1, x2, y2, score."""
    rng = np.random.default_rng(0)
    objects = rng.uniform(0, SIDE, (max(1, count // 25), 2))
    centre = objects[rng.integers(len(objects), size=count)] + rng.normal(0, 12, (count, 2))
    size = rng.uniform(20, 150, (count, 2))
    score = rng.permutation(np.linspace(0.01, 0.99, count))[:, None]  # no ties: one right order
    return np.hstack([centre - size / 2, centre + size / 2, score]).astype(np.float32)


def plain_soft_nms(rows: NDArray[np.float32], params: SoftNms) -> NDArray[np.float32]:
    """Gaussian soft-NMS as one would write it: take the best, lower all others at once, again.

    The +1 in a box's sides is the paper's code's (see `detection/soft_nms.py`).
    """
    left, kept = rows.copy(), []
    while len(left):
        best = int(left[:, 4].argmax())
        chosen = left[best]
        kept.append(chosen)
        left = np.delete(left, best, axis=0)
        low = np.maximum(left[:, :2], chosen[:2])
        high = np.minimum(left[:, 2:4], chosen[2:4])
        shared = (high - low + 1).clip(min=0).prod(axis=1)
        areas = (left[:, 2:4] - left[:, :2] + 1).prod(axis=1)
        iou = shared / (areas + (chosen[2:4] - chosen[:2] + 1).prod() - shared)
        left[:, 4] *= np.exp(-(iou**2) / params.sigma)
        left = left[(left[:, 4] >= params.score_floor) | (iou == 0)]
    return np.array(kept, np.float32)
