"""The rule by which a claim of the paper is judged."""

import inspect
import math

from cornernet.reporting.tables.seeds import Estimate

VERDICTS = ("reproduced", "direction reproduced", "inconclusive", "contradicted", "not run")
ROUNDING = 0.05  # the paper prints one decimal


def verdict(ours: Estimate, paper: float, comparable: bool) -> str:
    """A claim says that a difference D has the paper's size, and so the paper's direction.

    Ours is judged by its interval (of the confidence that `evaluation.confidence` sets), from a
    bootstrap over images (paired, where both sides are ours; over seeds too, where there are
    several; with one seed, what a training moves by chance is not in it):

    - reproduced: the interval lies wholly on the paper's side of zero and holds the paper's D
      (to within its rounding, 0.05);
    - direction reproduced: the interval lies wholly on the paper's side of zero, but the paper's
      D is not in it, or the run is not comparable;
    - contradicted: the interval lies wholly on the other side of zero;
    - inconclusive: the interval holds zero, or there is no interval;
    - not run: a score that the claim needs is missing.

    A run on another data set or with a smaller network is not comparable: its numbers cannot
    equal the paper's but by chance, so it earns "direction reproduced" at most, and a claim about
    other detectors' scores on COCO test-dev is "not run" there.

    "A gains more than B" is judged as the difference of the two gains; its interval is put
    together from theirs as if they were independent (MOVER), which is too wide rather than too
    narrow, as both come from the same images. The scores of other detectors are taken as exact.
    The time per image is judged on the paper's GPU alone (reproduced: within 10 %), and is
    inconclusive on any other.
    """
    if ours.value is None:
        return "not run"
    if ours.low is None or ours.high is None:
        return "inconclusive"
    side = math.copysign(1.0, paper)
    near, far = sorted((side * ours.low, side * ours.high))
    if far < 0:
        return "contradicted"
    if near <= 0:
        return "inconclusive"
    inside = near - ROUNDING <= abs(paper) <= far + ROUNDING
    return "reproduced" if inside and comparable else "direction reproduced"


def rule() -> str:
    """The rule in words, as the page shows it."""
    return inspect.getdoc(verdict) or ""


def minus(first: Estimate, second: Estimate) -> Estimate:
    """`first` - `second`, the interval by MOVER (Zou and Donner, 2008) as if independent."""
    if first.value is None or second.value is None:
        return Estimate(None)
    value = first.value - second.value
    if None in (first.low, first.high, second.low, second.high):
        return Estimate(value)
    ends = [float(e) for e in (first.low, first.high, second.low, second.high) if e is not None]
    low = value - math.hypot(first.value - ends[0], ends[3] - second.value)
    high = value + math.hypot(ends[1] - first.value, second.value - ends[2])
    return Estimate(value, low, high)
