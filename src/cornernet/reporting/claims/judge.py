"""The paper's claims (params/claims.yaml), judged by a rule: claims.csv."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import pandas as pd

from cornernet.reporting.tables.differences import difference
from cornernet.reporting.tables.literature import Cell, Comparison
from cornernet.reporting.tables.results import as_table
from cornernet.reporting.tables.seeds import UNDEFINED, Estimate, estimate, select

CLAIM_COLUMNS = ("claim", "section", "paper", "ours", "interval", "verdict")
KINDS = ("gain", "larger_gain", "ranking", "time")
VERDICTS = ("reproduced", "direction reproduced", "inconclusive", "contradicted", "not run")
ROUNDING = 0.05  # the paper prints one decimal


@dataclass(frozen=True)
class Gain:
    """A comparison of two tested models in one metric."""

    comparison: Comparison
    metric: str


@dataclass(frozen=True)
class Claim:
    """One claim; `paper` in points (`time`: milliseconds). What it compares depends on `kind`."""

    id: str
    text: str
    section: str
    kind: str
    paper: float
    gains: tuple[Gain, ...] = ()  # larger_gain: and the smaller one
    cell: Cell | None = None  # ranking: the model that was tested on test-dev
    metric: str = ""
    threshold: float = 0.0  # ranking: the other detectors' best


@dataclass(frozen=True)
class InferenceTime:
    """A measured time, in milliseconds per image, and the device it was measured on."""

    milliseconds: float
    device: str


def claim_comparisons(claims: Sequence[Claim]) -> tuple[Comparison, ...]:
    """Every comparison that the claims need in differences.csv."""
    return tuple(dict.fromkeys(gain.comparison for claim in claims for gain in claim.gains))


def judge_claims(
    results: pd.DataFrame,
    differences: pd.DataFrame,
    claims: Sequence[Claim],
    comparable: bool,
    inference_time: InferenceTime | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """claims.csv: claim, section, paper, ours, interval, verdict; the rule is `verdict`.

    `paper`, `ours` and the ends of `interval` are points of percent (`time`: milliseconds).
    """
    rows = []
    for claim in claims:
        if claim.kind == "time":
            ours, judged = _judge_time(claim, inference_time)
        elif claim.kind == "ranking" and not comparable:
            ours, judged = UNDEFINED, "not run"
        else:
            ours = _measure(claim, results, differences, confidence)
            judged = verdict(ours, claim.paper, comparable)
        rows.append((claim.text, claim.section, claim.paper, ours.value, _interval(ours), judged))
    return as_table(rows, CLAIM_COLUMNS).round({"paper": 1, "ours": 1})


def _measure(
    claim: Claim, results: pd.DataFrame, differences: pd.DataFrame, confidence: float
) -> Estimate:
    """What the claim is about, as this run found it."""
    if claim.cell is not None:
        score = estimate(select(results, "test_dev", claim.cell), claim.metric, confidence)
        return minus(score, Estimate(claim.threshold, claim.threshold, claim.threshold))
    parts = [difference(differences, results, gain.comparison, gain.metric) for gain in claim.gains]
    return reduce(minus, parts)


def _judge_time(claim: Claim, time: InferenceTime | None) -> tuple[Estimate, str]:
    if time is None:
        return UNDEFINED, "not run"
    ours = Estimate(time.milliseconds)
    if "TITAN X" not in time.device.upper():
        return ours, "inconclusive"
    close = abs(time.milliseconds - claim.paper) <= 0.1 * claim.paper
    return ours, "reproduced" if close else "contradicted"


def _interval(ours: Estimate) -> str:
    return "" if ours.low is None or ours.high is None else f"[{ours.low:.1f}, {ours.high:.1f}]"


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
        return UNDEFINED
    value = first.value - second.value
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value)
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, low, high)
