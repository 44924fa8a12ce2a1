"""corners.csv, and the journal version's table of it: mAP of corners by quadrant of the image."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cornernet.reporting.tables.literature import Literature
from cornernet.reporting.tables.paper_tables import Table, TableRow
from cornernet.reporting.tables.results import defined, read_csv
from cornernet.reporting.tables.seeds import Estimate, pool, pool_percent

NUMBER = 6
CORNER_COLUMNS = (
    "variant", "reference", "seed", "corner", "quadrant", "value", "ci_low", "ci_high", "paper",
)  # fmt: skip
QUADRANTS = ("all", "top_left", "top_right", "bottom_left", "bottom_right")
# What the journal version compares, by our names.
WITHOUT, WITH = "no_corner_pooling", "baseline"
ROWS = {
    (WITHOUT, ""): "without corner pooling",
    (WITH, ""): "with corner pooling",
    (WITH, WITHOUT): "improvement",
}
CORNER_LABELS = {"top_left": "Top-left corners", "bottom_right": "Bottom-right corners"}


class Scored(NamedTuple):
    """mAP of one kind of corner, or with a `reference` the paired difference from it."""

    variant: str
    reference: str  # a variant; empty for the score itself
    seed: int
    corner: str  # of CORNER_LABELS


def collect_corners(
    scored: Mapping[Scored, Mapping[str, tuple[float | None, float | None, float | None]]],
    literature: Literature,
) -> pd.DataFrame:
    """corners.csv: a row per model, kind of corner and quadrant, and per paired difference.

    `scored` maps a quadrant to (value, ci_low, ci_high), in percent or points. `paper` is the
    journal version's number, whatever text the profile is held against: the ECCV text has none.
    """
    rows = [
        (*key, quadrant, *scores[quadrant], _paper(key, quadrant, literature))
        for key, scores in scored.items()
        for quadrant in QUADRANTS
    ]
    frame = pd.DataFrame(rows, columns=list(CORNER_COLUMNS))
    return frame.astype(dict.fromkeys(("value", "ci_low", "ci_high", "paper"), "float64"))


def read_corners(path: Path) -> pd.DataFrame:
    """Read corners.csv. Raises BadInput if it is not one."""
    return read_csv(path, CORNER_COLUMNS)


def corner_table(
    corners: pd.DataFrame,
    literature: Literature,
    radius: float,
    notice: str = "",
    confidence: float = 0.95,
) -> Table:
    """mAP of corners by quadrant, with and without corner pooling, beside the journal's numbers.

    `radius` in pixels, of corners.variants' measurement; other variants of `corners` have a row of
    their own. A row that was not measured says so.
    """
    named = dict(ROWS)
    for variant in sorted(set(corners["variant"]) - {WITH, WITHOUT}):
        named[(variant, "")] = variant
    rows = [
        _row(corners, literature, Scored(variant, reference, 0, corner), label, confidence)
        for corner in CORNER_LABELS
        for (variant, reference), label in named.items()
    ]
    left_out = f"Table {NUMBER} is left out: no model's corners were measured."
    return Table(
        NUMBER,
        f"mAP of corners by quadrant of the image, found within {radius:g} pixels",
        "journal version",
        "val",
        QUADRANTS,
        tuple(rows) if len(corners) else (),
        notice,
        "journal",
        "" if len(corners) else left_out,
        confidence,
    )


def _row(
    corners: pd.DataFrame, literature: Literature, key: Scored, label: str, confidence: float
) -> TableRow:
    mine = corners[
        (corners["variant"] == key.variant)
        & (corners["reference"] == key.reference)
        & (corners["corner"] == key.corner)
    ]
    ours = {quadrant: _pooled(mine, quadrant, confidence) for quadrant in QUADRANTS}
    paper = {quadrant: _paper(key, quadrant, literature) for quadrant in QUADRANTS}
    return TableRow(
        label,
        "not run" if mine.empty else "scored",
        ours,
        {quadrant: number for quadrant, number in paper.items() if number is not None},
        bool(key.reference),
        CORNER_LABELS[key.corner],
    )


def _pooled(rows: pd.DataFrame, quadrant: str, confidence: float) -> Estimate:
    """One quadrant's number over the seeds."""
    mine = rows[rows["quadrant"] == quadrant]
    if not (mine["reference"] != "").any():
        return pool_percent(mine, confidence)
    points = [
        Estimate(defined(row.value), defined(row.ci_low), defined(row.ci_high))
        for row in mine.itertuples()
    ]
    return pool(points, confidence)


def _paper(key: Scored, quadrant: str, literature: Literature) -> float | None:
    """The journal's number, or difference of numbers; None where it has none."""
    mine = literature.corners.get((key.variant, key.corner), {}).get(quadrant)
    if not key.reference:
        return mine
    other = literature.corners.get((key.reference, key.corner), {}).get(quadrant)
    return None if mine is None or other is None else round(mine - other, 1)
