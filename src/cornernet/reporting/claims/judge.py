"""The paper's claims (params/claims.yaml), judged by a rule: claims.csv.

A claim is a contrast of scores, for which the paper has a number. Two things are asked of ours.
Has it the paper's direction? That is a test against zero with the noise of images and of training,
and one Holm correction runs over all claims that have a direction. Has it the paper's size? That is
a test of equivalence: the interval must lie within a margin around the paper's number, which
claims.yaml names. On the paper's own images (`comparable`) images put no noise into it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cornernet.reporting.tables.contrasts import Contrast, Measured, errors_of
from cornernet.reporting.tables.results import as_table
from cornernet.reporting.training_noise import combined, half_width

CLAIM_COLUMNS = (
    "id", "claim", "primary", "section", "paper", "ours", "interval", "images", "training", "noise",
    "margin", "verdict", "reason", "recorded_verdict", "recorded_interval", "recorded_as",
)  # fmt: skip
VERDICTS = ("reproduced", "direction reproduced", "inconclusive", "contradicted", "not run")
ABSOLUTE = ("score", "ranking", "time")  # kinds of claims that other data cannot speak of


@dataclass(frozen=True)
class Claim:
    """One claim; `paper` in points (`time`: milliseconds), `contrast` what it is about.

    `paper` is NaN where the paper says in words alone whether something helps (`sign` 1) or hurts.
    The margin within which ours counts as equal is `noise_factor` times the standard error of
    one training of each variant, and `rounding`.
    """

    id: str
    text: str
    section: str
    kind: str
    paper: float
    contrast: Contrast | None = None  # None: time
    sign: float = math.nan
    primary: bool = False
    has_direction: bool = True
    noise_factor: float = 2.0
    rounding: float = 0.05


def measured_time(milliseconds: float, device: str) -> Measured:
    """A time per image as what the claim on it is about, which is the paper's GPU alone."""
    if "TITAN X" in device.upper():
        return Measured(milliseconds, training=0.0)
    return Measured(milliseconds, reason=f"measured on {device}")


def judge_claims(
    measured: Mapping[str, Measured],
    claims: Sequence[Claim],
    not_comparable: str = "",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """claims.csv; `measured` has what each claim is about by its id.

    `paper`, `ours`, `margin` and the ends of `interval` are points of percent (`time`:
    milliseconds); `images` and `training` are the parts of the half-width of `interval` that add up
    in quadrature. `not_comparable` says why our numbers cannot be the paper's; empty: they can.
    What a record of more seeds says is for the caller to fill in (`recorded_verdict` and so on).
    """
    found, level = judged_on(measured, claims, not_comparable), 1 - confidence
    signs = directions(claims, found, level)
    rows = []
    for claim, ours, sign in zip(claims, found, signs.tolist(), strict=True):
        same, size = _same_size(claim, ours, not_comparable, confidence)
        verdict, why = _verdict(claim, ours, sign, same)
        if sign == 0 and directions([claim], [ours], level)[0] != 0:
            why = "not after Holm's correction"
        notes = dict.fromkeys([why, *_notes(ours, not_comparable, size)])
        why = "; ".join(filter(None, notes))
        rows.append((*_shown(claim, ours, confidence), verdict, why, "", "", ""))
    return as_table(rows, CLAIM_COLUMNS).round({"paper": 1, "ours": 1})


def judged_on(
    measured: Mapping[str, Measured], claims: Sequence[Claim], not_comparable: str
) -> list[Measured]:
    """What each claim is about; no number for one on other data that the claim cannot speak of."""
    refused = Measured(reason=f"cannot be compared: {not_comparable}")
    return [
        refused if not_comparable and claim.kind in ABSOLUTE else measured.get(claim.id, Measured())
        for claim in claims
    ]


def directions(claims: Sequence[Claim], found: Sequence[Measured], level: float) -> np.ndarray:
    """The sign of each number that differs surely from zero, 0 where it may not; NaN: not tested.

    Tested are the claims that have a direction, together, by Holm's step-down procedure at `level`.
    """
    from scipy.stats import t  # takes time to import

    tests = [
        (ours.value if claim.has_direction else math.nan, *combined(*errors_of(ours), ours.df))
        for claim, ours in zip(claims, found, strict=True)
    ]
    value, error, df = np.reshape(tests, (-1, 3)).T
    with np.errstate(divide="ignore", invalid="ignore"):  # a number without noise, and 0 / 0
        size = np.where((value == 0) & (error == 0), 0, np.abs(value) / error)
    chances = 2 * t.sf(size, df)
    return np.where(np.isnan(chances), np.nan, np.sign(value) * holm(chances, level))


def holm(chances: np.ndarray, level: float) -> np.ndarray:
    """Which of some p-values are significant together at `level`; NaN: no test."""
    order = np.argsort(chances)  # NaN last
    tests = np.count_nonzero(~np.isnan(chances))
    below = chances[order[:tests]] <= level / (tests - np.arange(tests))
    result = np.zeros(len(chances), dtype=bool)
    result[order[:tests][np.logical_and.accumulate(below)]] = True
    return result


def _margin(claim: Claim, ours: Measured) -> float:
    """Around the paper's number: for one training of each variant on either side, and rounding."""
    return claim.noise_factor * ours.training + claim.rounding


def _same_size(
    claim: Claim, ours: Measured, not_comparable: str, confidence: float
) -> tuple[bool | None, str]:
    """Whether ours equals the paper's number: yes, no, or None for undecided; and why not yes."""
    if not_comparable:
        return None, "size not judged: not comparable"
    if math.isnan(ours.training):
        return None, ours.reason or "size not judged: training noise unknown"
    if math.isnan(claim.paper):
        return None, "the paper has no number"
    margin = _margin(claim, ours)
    half = half_width(0.0, ours.training / math.sqrt(ours.seeds), ours.df, confidence)
    off = abs(ours.value - claim.paper)
    if off + half <= margin:
        return True, ""
    told = f"{off:.1f} ± {half:.1f} off the paper's number, margin {margin:.1f}"
    return (False if off - half > margin else None), told


def _verdict(claim: Claim, ours: Measured, sign: float, same: bool | None) -> tuple[str, str]:
    """One of VERDICTS, and why; `sign` is that of `directions`."""
    if math.isnan(ours.value):
        return "not run", ours.reason
    if not claim.has_direction:
        return {True: "reproduced", False: "contradicted", None: "inconclusive"}[same], ""
    if math.isnan(sign):
        return "inconclusive", ours.reason or "no interval over images"
    if sign == 0:
        return "inconclusive", "the interval holds zero"
    if sign * (claim.sign if math.isnan(claim.paper) else claim.paper) > 0:
        return "reproduced" if same else "direction reproduced", ""
    if claim.kind == "ranking" and claim.paper < 0:
        return "inconclusive", "ours ranks higher than the paper's"
    return "contradicted", ""


def _notes(ours: Measured, not_comparable: str, size: str) -> list[str]:
    """What else a reader must know of a verdict."""
    if math.isnan(ours.value):
        return []
    rests_on_noise = not (ours.one_training and not_comparable)
    return [
        "assumed training noise" if "assumed" in ours.noise and rests_on_noise else "",
        "no noise of images: a server's score" if ours.exact else "",
        "direction of this model" if ours.one_training else "",
        size,
    ]


def _shown(claim: Claim, ours: Measured, confidence: float) -> tuple[Any, ...]:
    """The columns of claims.csv before the verdict."""
    errors, noise = errors_of(ours), "" if ours.one_training else ours.noise
    half = half_width(*errors, ours.df, confidence)
    if math.isnan(half):
        interval = ""
        parts = [half_width(ours.images, 0, 1, confidence), math.nan]
    else:
        interval = f"[{ours.value - half:.1f}, {ours.value + half:.1f}]"
        parts = [half * error / (math.hypot(*errors) or 1.0) for error in errors]
    first = (claim.id, claim.text, claim.primary, claim.section, claim.paper, ours.value)
    return (*first, interval, *parts, noise, _margin(claim, ours))
