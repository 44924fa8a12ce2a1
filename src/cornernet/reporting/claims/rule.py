"""The rule by which a claim of the paper is judged."""

import math

from cornernet.reporting.tables.seeds import Estimate

VERDICTS = ("reproduced", "direction reproduced", "inconclusive", "contradicted", "not run")
ROUNDING = 0.05  # the paper prints one decimal


def verdict(ours: Estimate, paper: float, comparable: bool) -> str:
    """One of VERDICTS on a claim that a difference has the paper's size, and so its direction.

    The page explains the rule, in templates/rule.html. A run that is not `comparable` (another
    data set, a smaller network) earns "direction reproduced" at most.
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
