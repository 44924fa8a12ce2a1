"""The paper's claims (params/claims.yaml), judged: claims.csv."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cornernet.reporting.claims.rule import minus, verdict
from cornernet.reporting.tables.differences import difference
from cornernet.reporting.tables.literature import Cell, Comparison
from cornernet.reporting.tables.results import as_table, read_csv
from cornernet.reporting.tables.seeds import Estimate, estimate, select

CLAIM_COLUMNS = ("claim", "section", "paper", "ours", "interval", "verdict")
KINDS = ("gain", "larger_gain", "ranking", "time")


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
    gain: Gain | None = None
    than: Gain | None = None  # larger_gain: the smaller one
    cell: Cell | None = None  # ranking, time: the tested model
    split: str = ""
    metric: str = ""
    threshold: float = 0.0  # ranking: the other detectors' best


@dataclass(frozen=True)
class InferenceTime:
    """A measured time, in milliseconds per image, and the device it was measured on."""

    milliseconds: float
    device: str


def claim_comparisons(claims: Sequence[Claim]) -> tuple[Comparison, ...]:
    """Every comparison that the claims need in differences.csv."""
    gains = [gain for claim in claims for gain in (claim.gain, claim.than) if gain is not None]
    return tuple(dict.fromkeys(gain.comparison for gain in gains))


def judge_claims(
    results: pd.DataFrame,
    differences: pd.DataFrame,
    claims: Sequence[Claim],
    comparable: bool,
    inference_time: InferenceTime | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """claims.csv: claim, section, paper, ours, interval, verdict; the rule is `rule.verdict`.

    `paper`, `ours` and the ends of `interval` are points of percent (`time`: milliseconds).
    """
    rows = []
    for claim in claims:
        if claim.kind == "time":
            ours, judged = _judge_time(claim, inference_time)
        elif claim.kind == "ranking" and not comparable:
            ours, judged = Estimate(None), "not run"
        else:
            ours = _measure(claim, results, differences, confidence)
            judged = verdict(ours, claim.paper, comparable)
        rows.append((claim.text, claim.section, claim.paper, ours.value, _interval(ours), judged))
    frame = as_table(rows, CLAIM_COLUMNS).astype({"ours": "float64"})
    return frame.round({"paper": 1, "ours": 1})


def _measure(
    claim: Claim, results: pd.DataFrame, differences: pd.DataFrame, confidence: float
) -> Estimate:
    """What the claim is about, as this run found it."""
    if claim.kind == "ranking" and claim.cell is not None:
        score = estimate(select(results, claim.split, claim.cell), claim.metric, confidence)
        return minus(score, Estimate(claim.threshold, claim.threshold, claim.threshold))
    parts = [
        difference(differences, results, gain.comparison, gain.metric)
        for gain in (claim.gain, claim.than)
        if gain is not None
    ]
    return parts[0] if len(parts) == 1 else minus(parts[0], parts[1])


def _judge_time(claim: Claim, time: InferenceTime | None) -> tuple[Estimate, str]:
    if time is None:
        return Estimate(None), "not run"
    ours = Estimate(time.milliseconds)
    if "TITAN X" not in time.device.upper():
        return ours, "inconclusive"
    close = abs(time.milliseconds - claim.paper) <= 0.1 * claim.paper
    return ours, "reproduced" if close else "contradicted"


def _interval(ours: Estimate) -> str:
    return "" if ours.low is None or ours.high is None else f"[{ours.low:.1f}, {ours.high:.1f}]"


def read_claims(path: Path) -> pd.DataFrame:
    """Read claims.csv. Raises BadInput if it is not one."""
    frame = read_csv(path, CLAIM_COLUMNS)
    return frame.assign(ours=pd.to_numeric(frame["ours"], errors="coerce"))
