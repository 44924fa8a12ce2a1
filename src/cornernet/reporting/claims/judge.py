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

from cornernet.reporting.tables.contrasts import (
    Contrast,
    Measured,
    combined,
    errors_of,
    half_width,
)
from cornernet.reporting.tables.results import as_table

CLAIM_COLUMNS = (
    "id", "claim", "primary", "section", "paper", "ours", "interval", "images", "training", "noise",
    "margin", "verdict", "reason",
)  # fmt: skip
VERDICTS = ("reproduced", "direction reproduced", "inconclusive", "contradicted", "not run")
TIME_TOLERANCE = 0.1  # of the paper's milliseconds


@dataclass(frozen=True)
class Claim:
    """One claim; `paper` in points (`time`: milliseconds), `contrast` what it is about.

    The margin within which ours counts as equal is `noise_factor` times the standard error of
    one training of each variant, and `rounding`.
    """

    id: str
    text: str
    section: str
    kind: str
    paper: float
    contrast: Contrast | None = None  # None: time
    primary: bool = False
    has_direction: bool = True
    noise_factor: float = 2.0
    rounding: float = 0.05


@dataclass(frozen=True)
class InferenceTime:
    """A measured time, in milliseconds per image, and the device it was measured on."""

    milliseconds: float
    device: str


def judge_claims(
    measured: Mapping[str, Measured],
    claims: Sequence[Claim],
    not_comparable: str = "",
    inference_time: InferenceTime | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """claims.csv; `measured` has each claim's contrast by its id.

    `paper`, `ours`, `margin` and the ends of `interval` are points of percent (`time`:
    milliseconds); `images` and `training` are the parts of the half-width of `interval` that add up
    in quadrature. `not_comparable` says why our numbers cannot be the paper's; empty: they can.
    """
    found = {claim.id: measured.get(claim.id, Measured(None)) for claim in claims}
    for claim in claims:
        if not_comparable and claim.kind in ("score", "ranking"):
            reason = f"scores cannot be compared: {not_comparable}"
            found[claim.id] = Measured(None, reason=reason)
    level = 1 - confidence
    signs = directions(claims, [found[claim.id] for claim in claims], level)
    rows = []
    for claim, sign in zip(claims, signs.tolist(), strict=True):
        if claim.kind == "time":
            rows.append(_time_row(claim, inference_time))
            continue
        ours = found[claim.id]
        same, size = _same_size(claim, ours, not_comparable, confidence)
        verdict, why = _verdict(claim, ours, sign, same)
        if sign == 0 and directions([claim], [ours], level)[0] != 0:
            why = "not after Holm's correction"
        notes = [why, *(_notes(ours, not_comparable, size) if ours.value is not None else [])]
        rows.append((*_shown(claim, ours, confidence), verdict, "; ".join(filter(None, notes))))
    return as_table(rows, CLAIM_COLUMNS).round({"paper": 1, "ours": 1})


def directions(claims: Sequence[Claim], found: Sequence[Measured], level: float) -> np.ndarray:
    """The sign of each number that differs surely from zero, 0 where it may not; NaN: not tested.

    Tested are the claims that have a direction, together, by Holm's step-down procedure at `level`.
    """
    from scipy.stats import t  # takes time to import

    tests = [
        None if ours.value is None or not claim.has_direction else errors_of(ours)
        for claim, ours in zip(claims, found, strict=True)
    ]
    errors = np.full((len(claims), 3), np.nan)  # value, standard error, degrees of freedom
    for row, test, ours in zip(errors, tests, found, strict=True):
        if test is not None:
            row[:] = ours.value, *combined(*test, ours.df)
    with np.errstate(divide="ignore", invalid="ignore"):  # a number without noise, and 0 / 0
        size = np.where(errors[:, 0] == 0, 0, np.abs(errors[:, 0]) / errors[:, 1])
    return np.sign(errors[:, 0]) * holm(2 * t.sf(size, errors[:, 2]), level)


def holm(chances: np.ndarray, level: float) -> np.ndarray:
    """Which of some p-values are significant together at `level`; NaN: no test."""
    order = np.argsort(chances)  # NaN last
    tests = np.count_nonzero(~np.isnan(chances))
    below = chances[order[:tests]] <= level / (tests - np.arange(tests))
    result = np.zeros(len(chances), dtype=bool)
    result[order[:tests][np.logical_and.accumulate(below)]] = True
    return result


def _margin(claim: Claim, ours: Measured) -> float | None:
    """Around the paper's number: for one training of each variant on either side, and rounding."""
    return None if ours.training is None else claim.noise_factor * ours.training + claim.rounding


def _same_size(
    claim: Claim, ours: Measured, not_comparable: str, confidence: float
) -> tuple[bool | None, str]:
    """Whether ours equals the paper's number: yes, no, or None for undecided; and why not yes."""
    if not_comparable:
        return None, "size not judged: not comparable"
    margin = _margin(claim, ours)
    if ours.value is None or ours.training is None or margin is None:
        return None, "size not judged: training noise unknown"
    half = half_width(0.0, ours.training / math.sqrt(ours.seeds), ours.df, confidence)
    off = abs(ours.value - claim.paper)
    if off + half <= margin:
        return True, ""
    told = f"{off:.1f} ± {half:.1f} off the paper's number, margin {margin:.1f}"
    return (False if off - half > margin else None), told


def _verdict(claim: Claim, ours: Measured, sign: float, same: bool | None) -> tuple[str, str]:
    """One of VERDICTS, and why; `sign` is that of `directions`."""
    if ours.value is None:
        return "not run", ours.reason
    if not claim.has_direction:
        return {True: "reproduced", False: "contradicted", None: "inconclusive"}[same], ""
    if math.isnan(sign):
        return "inconclusive", ours.reason or "no interval over images"
    if sign == 0:
        return "inconclusive", ""
    if sign * claim.paper > 0:
        return "reproduced" if same else "direction reproduced", ""
    if claim.kind == "ranking" and claim.paper < 0:
        return "inconclusive", "ours ranks higher than the paper's"
    return "contradicted", ""


def _notes(ours: Measured, not_comparable: str, size: str) -> list[str]:
    """What else a reader must know of a verdict."""
    rests_on_noise = not (ours.one_training and not_comparable)
    return [
        "assumed training noise" if "assumed" in ours.noise and rests_on_noise else "",
        "no noise of images: a server's score" if ours.exact else "",
        "direction of this model" if ours.one_training else "",
        size,
    ]


def _shown(claim: Claim, ours: Measured, confidence: float) -> tuple[Any, ...]:
    """The columns of claims.csv before the verdict."""
    first = (claim.id, claim.text, claim.primary, claim.section, claim.paper, ours.value)
    errors, margin = errors_of(ours), _margin(claim, ours)
    if errors is None or ours.value is None:
        images = None if ours.images is None else half_width(ours.images, 0, 1, confidence)
        return (*first, "", images, None, ours.noise, margin)
    half = half_width(*errors, ours.df, confidence)
    parts = [half * error / (math.hypot(*errors) or 1.0) for error in errors]
    interval = f"[{ours.value - half:.1f}, {ours.value + half:.1f}]"
    return (*first, interval, *parts, "" if ours.one_training else ours.noise, margin)


def _time_row(claim: Claim, time: InferenceTime | None) -> tuple[Any, ...]:
    """The claim on time, judged on the paper's GPU alone."""
    verdict, reason, ours = "not run", "", None
    if time is not None:
        ours = time.milliseconds
        close = abs(ours - claim.paper) <= TIME_TOLERANCE * claim.paper
        verdict = "reproduced" if close else "contradicted"
        if "TITAN X" not in time.device.upper():
            verdict, reason = "inconclusive", f"measured on {time.device}"
    first = (claim.id, claim.text, claim.primary, claim.section, claim.paper, ours)
    return (*first, "", None, None, "", TIME_TOLERANCE * claim.paper, verdict, reason)
