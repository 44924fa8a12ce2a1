"""Detection params for tests: as the paper's text says, and with the released code's quirks."""

from dataclasses import replace

from model.sizes import TINY

from cornernet.config.schema import Detection, SoftNms

CLEAN = Detection(
    top_corners=100,
    embedding_distance=0.5,
    peak_kernel=3,
    max_pairs=1000,
    max_detections=100,
    flip=True,
    mirror="continuous",
    lose_last_row=False,
    soft_nms=SoftNms(
        method="gaussian", sigma=0.5, iou_threshold=0.5, score_floor=0.001, stale_rows=False
    ),
    scales=(0.5, 1.0, 1.5),
    merge_exponent=10.0,
    mismatched_merge=False,
    score_decimals=None,
    keep_ties=False,
    batch_size=4,
    threads=1,
    precision="fp32",
)
RELEASED = replace(
    CLEAN,
    lose_last_row=True,
    soft_nms=replace(CLEAN.soft_nms, stale_rows=True),
    mismatched_merge=True,
    score_decimals=2,
    keep_ties=True,
)
# Sides of the canvas are multiples of 16, less one.
SMALL_MODEL = replace(TINY, stacks=1, modules=(1, 1, 1))
