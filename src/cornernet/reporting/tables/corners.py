"""mAP of the corners that models found, by quadrant of the image: corners.csv and its table.

The journal version's numbers stand beside ours whatever text the profile is held against: the ECCV
text has none.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from cornernet.config import Params
from cornernet.data.coco.split import CocoSplit
from cornernet.evaluation.corners import KINDS, QUADRANTS, FoundCorners, score_corners
from cornernet.evaluation.half_sampling import (
    HalfSampled,
    Interval,
    intervals,
    paired_difference,
    score_intervals,
)
from cornernet.reporting.tables.literature import Literature
from cornernet.reporting.tables.results import as_table, rows_where
from cornernet.reporting.tables.seeds import Estimate, pool, pool_rows
from cornernet.reporting.tables.table import Table, TableContext, TableRow

CORNER_COLUMNS = (
    "variant", "reference", "seed", "corner", "quadrant", "value", "ci_low", "ci_high", "paper",
)  # fmt: skip
BY_QUADRANT = 6  # the number that the table has on the page
CORNER_LABELS = {"top_left": "Top-left corners", "bottom_right": "Bottom-right corners"}
# What the journal version compares, by our names.
WITHOUT, WITH = "no_corner_pooling", "baseline"
# (variant, reference) -> the label of its row
CORNER_ROWS = {
    (WITHOUT, ""): "without corner pooling",
    (WITH, ""): "with corner pooling",
    (WITH, WITHOUT): "improvement",
}


class Scored(NamedTuple):
    """mAP of one kind of corner, or with a `reference` the paired difference from it."""

    variant: str
    reference: str  # a variant; empty for the score itself
    seed: int
    corner: str  # of KINDS


def corner_scores(
    found: Mapping[tuple[str, int], pd.DataFrame], split: CocoSplit, params: Params
) -> dict[Scored, Mapping[str, Interval]]:
    """By model and kind of corner: each quadrant's mAP with its interval, in percent.

    And the paired difference that corner pooling makes, where both models were measured. `found`
    has the corners of each (variant, seed): image_id, category, corner, x, y, score.
    """
    confidence = params.evaluation.confidence
    scored = {
        Scored(variant, "", seed, kind): _score(corners, split, kind, params)
        for (variant, seed), corners in found.items()
        for kind in KINDS
    }
    rows: dict[Scored, Mapping[str, Interval]] = {
        key: score_intervals(scores, confidence) for key, scores in scored.items()
    }
    for key, scores in scored.items():
        other = scored.get(key._replace(variant=WITHOUT))
        if key.variant == WITH and other is not None:
            difference = paired_difference(scores, other)
            rows[key._replace(reference=WITHOUT)] = intervals(difference, confidence)
    return rows


def _score(corners: pd.DataFrame, split: CocoSplit, kind: str, params: Params) -> HalfSampled:
    """The mAP of one kind of one model's corners."""
    rows = corners[corners["corner"] == kind]
    found = FoundCorners(
        image_id=rows["image_id"].to_numpy("int64"),
        category=rows["category"].to_numpy("int64"),
        points=rows[["x", "y"]].to_numpy("float64"),
        score=rows["score"].to_numpy("float64"),
    )
    halves, seed = params.evaluation.halves, params.evaluation.halves_seed
    return score_corners(split, found, kind, params.corners.radius, halves, seed)


def collect_corners(
    scored: Mapping[Scored, Mapping[str, Interval]], literature: Literature
) -> pd.DataFrame:
    """corners.csv: one row per model, kind of corner and quadrant, and per paired difference."""
    rows = [
        (*key, quadrant, *scores[quadrant], _journal_number(key, quadrant, literature))
        for key, scores in scored.items()
        for quadrant in QUADRANTS
    ]
    return as_table(rows, CORNER_COLUMNS)


def _journal_number(key: Scored, quadrant: str, literature: Literature) -> float | None:
    """The journal's number, or difference of numbers; None where it has none."""
    mine = literature.corners.get(key.variant, {}).get(key.corner, {}).get(quadrant)
    if not key.reference:
        return mine
    other = literature.corners.get(key.reference, {}).get(key.corner, {}).get(quadrant)
    return None if mine is None or other is None else round(mine - other, 1)


def corner_table(corners: pd.DataFrame, radius: float, context: TableContext) -> Table:
    """mAP of corners by quadrant, with and without corner pooling.

    `radius` in pixels is that of the measurement; further variants in `corners` have a row of
    their own. A row that was not measured says so.
    """
    further = sorted(set(corners["variant"]) - {WITH, WITHOUT})
    labels = CORNER_ROWS | {(variant, ""): variant for variant in further}
    rows = [
        _row(corners, Scored(variant, reference, 0, corner), label, context)
        for corner in CORNER_LABELS
        for (variant, reference), label in labels.items()
    ]
    return Table(
        BY_QUADRANT,
        f"mAP of corners by quadrant of the image, found within {radius:g} pixels",
        "journal version",
        "val",
        QUADRANTS,
        tuple(rows) if len(corners) else (),
        replace(context, reference="journal"),
        "no model's corners were measured",
    )


def _row(corners: pd.DataFrame, key: Scored, label: str, context: TableContext) -> TableRow:
    """One row over all seeds; the seed of `key` is not looked at."""
    mine = rows_where(corners, variant=key.variant, reference=key.reference, corner=key.corner)
    signed, confidence = bool(key.reference), context.confidence
    ours = {}
    for quadrant in QUADRANTS:
        rows = rows_where(mine, quadrant=quadrant)
        if signed:  # with one seed the noise of training is unknown, and there is no interval
            gain = pool([Estimate.of(row) for row in rows.itertuples()], confidence)
            noise = "own seeds" if gain.seeds > 1 else ""
            ours[quadrant] = replace(gain, noise=noise) if noise else Estimate(gain.value)
        else:
            ours[quadrant] = pool_rows(rows, confidence)
    return TableRow(
        label,
        "not run" if mine.empty else "scored",
        ours,
        {q: _journal_number(key, q, context.literature) for q in QUADRANTS},
        signed=signed,
        group=CORNER_LABELS[key.corner],
    )
