"""How far a corner may be off: the radius of the penalty reduction (section 3.2).

The text determines it "by ensuring that a pair of points within the radius would generate a
bounding box with at least t IoU with the ground-truth annotation".

Let the box be w wide and h high, and let each of its two corners be off by at most r along either
axis. Three boxes can be the worst, and each gives a quadratic in r:

    both corners inwards    (w - 2r)(h - 2r) / wh                       = t
    both corners outwards   wh / ((w + 2r)(h + 2r))                     = t
    both the same way       (w - r)(h - r) / (2wh - (w - r)(h - r))     = t

    4 r^2  - 2(w + h) r  + (1 - t) wh           = 0    the smaller root
    4t r^2 + 2t(w + h) r - (1 - t) wh           = 0    the positive root
      r^2  -  (w + h) r  + (1 - t)/(1 + t) wh   = 0    the smaller root

The radius is the least of the three roots. (It is always the first: to first order in r/w and r/h
the three lose the same overlap, to second order inwards loses most. All three are kept, because
the runs of the paper took the minimum over other, wrong roots; see `pre_fix` below.)

Multiplying w and h by k multiplies every root by k: the radius is homogeneous of degree one. So
one radius for each annotation at scale 1, in pixels, serves every crop of the training.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cornernet.config.schema import Targets
from cornernet.data.coco.split import CocoSplit


def corner_radius(
    height: ArrayLike, width: ArrayLike, min_iou: float, roots: str = "exact"
) -> NDArray[np.float64]:
    """Largest shift of both corners that keeps IoU >= `min_iou` with the box (section 3.2).

    Sides of boxes, in any unit and of shapes that broadcast, give radii in the same unit, 0 where
    a side is not positive. `roots`: "exact", or "pre_fix" for the roots of the runs in the paper's
    tables: those divided each quadratic by 2 instead of by twice its leading coefficient, and took
    the larger root, so t is not kept (a 10 x 10 box at t = 0.7 gets 2.73 instead of 0.82).
    """
    height = np.maximum(np.asarray(height, np.float64), 0.0)
    width = np.maximum(np.asarray(width, np.float64), 0.0)
    half_perimeter = height + width
    # The order of the products matters: with `integer_radius` a root such as 1.9999999999999998
    # is floored, and the last bit must fall as it does in the released code.
    t = min_iou
    quadratics = (  # sign of the root, and a, b, c of a r^2 - b r + c
        (-1, 1.0, half_perimeter, width * height * (1 - t) / (1 + t)),
        (-1, 4.0, 2 * half_perimeter, (1 - t) * width * height),
        (+1, 4 * t, -2 * t * half_perimeter, (t - 1) * width * height),
    )
    found = []
    for sign, a, b, c in quadratics:
        square_root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0))
        exact = roots == "exact"
        found.append((b + sign * square_root) / (2 * a) if exact else (b + square_root) / 2)
    return np.minimum.reduce(found)


def object_radius(
    height: NDArray[np.float64],
    width: NDArray[np.float64],
    targets: Targets,
    stored: NDArray[np.float64] | None,
    clipped: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """The radius of each of k training objects in cells, as `targets` asks.

    `penalty_reduction` none: radius 0, the corner's own cell. fixed: `fixed_radius`. object: by the
    box's size in cells after clipping, with `integer_radius` from sides rounded up to whole cells
    and itself rounded down. `stored` are radii from the table, scaled to cells; they are taken for
    boxes that the crop's border has not `clipped`, if nothing is rounded. None: all are computed.
    """
    if targets.penalty_reduction == "none":
        return np.zeros(len(height), np.float32)
    if targets.penalty_reduction == "fixed":
        return np.full(len(height), targets.fixed_radius, np.float32)
    if targets.integer_radius:
        radius = corner_radius(
            np.ceil(height), np.ceil(width), targets.min_iou, targets.radius_roots
        )
        return np.maximum(np.floor(radius), 0).astype(np.float32)
    computed = corner_radius(height, width, targets.min_iou, targets.radius_roots)
    radius = computed if stored is None else np.where(clipped, computed, stored)
    return radius.astype(np.float32)


def radius_table(split: CocoSplit, targets: Targets) -> pd.DataFrame:
    """The radius of every annotation of a split at scale 1, one row each, in the split's order.

    Columns: image_id, annotation_id; width, height in pixels; radius_exact, radius_pre_fix in
    pixels at `targets.min_iou`. Cells = radius x the crop's scale x output size / input size.
    """
    counts = [len(boxes.ids) for boxes in split.boxes]
    image_ids = np.array([image.id for image in split.images], np.int64)
    corners = np.concatenate([boxes.boxes for boxes in split.boxes])
    width, height = (corners[:, 2:] - corners[:, :2]).T
    return pd.DataFrame(
        {
            "image_id": np.repeat(image_ids, counts),
            "annotation_id": np.concatenate([boxes.ids for boxes in split.boxes]),
            "width": width,
            "height": height,
            "radius_exact": corner_radius(height, width, targets.min_iou, "exact"),
            "radius_pre_fix": corner_radius(height, width, targets.min_iou, "pre_fix"),
        }
    )


def stored_radii(table: pd.DataFrame, split: str, targets: Targets) -> NDArray[np.float64]:
    """The radii of a split by the rule of `targets`, from the rows that `radius_table` gave."""
    column = f"radius_{targets.radius_roots}"
    return table.loc[table["split"] == split, column].to_numpy()
