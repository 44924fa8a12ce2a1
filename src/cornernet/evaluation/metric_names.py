"""The names of all metrics, and how values are shown; imports nothing that scores."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

# The twelve metrics of COCO, in the order in which its API prints them: average precision (AP; at
# IoU 0.50 and 0.75; by size of the object), then average recall (AR) with 1, 10 and 100 detections
# per image, and by size. https://cocodataset.org/#detection-eval
COCO_METRICS: tuple[str, ...] = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"),
)
# Every metric of the package, in the order of its files and tables: COCO's, then AP at the further
# IoUs by which the journal version compares how well detectors localise objects on test-dev.
METRICS: tuple[str, ...] = (*COCO_METRICS, "AP60", "AP70", "AP80", "AP90")
CATEGORY_METRICS = ("AP", "AP50", "AP75", "AR100")  # those that are given of each category, too
# mAP of corners: which of the boxes' corners, as modes of a test, and where in the image.
CORNER_MODES = ("top_left_corners", "bottom_right_corners")
QUADRANTS = ("all", "top_left", "top_right", "bottom_left", "bottom_right")


# What XML, a terminal or a line of text cannot hold: control characters, those that turn the
# direction of what follows, halves of surrogate pairs.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text with what cannot be shown written as Python escapes it."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def category_labels(names: Sequence[str], ids: Sequence[int]) -> tuple[str, ...]:
    """Names of categories as they are shown everywhere; those that several share with their ids."""
    shown = [printable(name) for name in names]
    count = Counter(shown)
    return tuple(
        name if count[name] == 1 else f"{name} (id {number})"
        for name, number in zip(shown, ids, strict=True)
    )


def summary_lines(metrics: Mapping[str, float | None]) -> list[str]:
    """The twelve lines that the COCO API prints, with `undefined` in place of its -1."""
    lines = []
    for name in COCO_METRICS:
        kind = "Average Precision  (AP)" if name.startswith("AP") else "Average Recall     (AR)"
        iou = f"0.{name[2:]}" if name in ("AP50", "AP75") else "0.50:0.95"
        area = name.partition("_")[2] or "all"
        most = name[2:] if name in ("AR1", "AR10") else "100"
        value = metrics[name]
        text = "undefined" if value is None else f"{value / 100:0.3f}"
        lines.append(f" {kind} @[ IoU={iou:<9} | area={area:>6} | maxDets={most:>3} ] = {text}")
    return lines


def defined(value: float) -> float | None:
    """The number, or None for the NaN that stands for an undefined metric in arrays."""
    return None if math.isnan(value) else float(value)
