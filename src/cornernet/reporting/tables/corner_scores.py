"""mAP of the corners that `cornernet corners` found, by quadrant: a part of `cornernet tables`."""

from pathlib import Path

import pandas as pd

from cornernet.config import Params
from cornernet.data.coco.split import CocoSplit, load_split
from cornernet.evaluation.corners import (
    KINDS,
    CornerScores,
    FoundCorners,
    corner_difference,
    corner_intervals,
    score_corners,
)
from cornernet.options import existing
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths
from cornernet.reporting.tables.corner_table import WITH, WITHOUT, Scored

Scores = dict[str, tuple[float | None, float | None, float | None]]


def corner_scores(params: Params) -> dict[Scored, Scores]:
    """By model and kind of corner: quadrant -> (mAP, ci_low, ci_high), in percent.

    And the paired difference that corner pooling makes, where both models were measured.
    """
    graph, confidence = Graph(params), params.evaluation.confidence
    if not graph.with_corners:
        return {}
    paths = Paths(params.profile)
    tables = {
        model: pd.read_parquet(existing(paths.corners(model), "corners"))
        for model in graph.with_corners
    }
    split = load_split(Path(params.data.root), params.data.splits["val"], "val")
    scored = {
        Scored(model.variant, "", model.seed, kind): _score(table, split, kind, params)
        for model, table in tables.items()
        for kind in KINDS
    }
    found: dict[Scored, Scores] = {
        key: dict(corner_intervals(one, confidence)) for key, one in scored.items()
    }
    for key, one in scored.items():
        other = scored.get(key._replace(variant=WITHOUT))
        if key.variant == WITH and other is not None:
            found[key._replace(reference=WITHOUT)] = dict(corner_difference(one, other, confidence))
    return found


def _score(model: pd.DataFrame, split: CocoSplit, kind: str, params: Params) -> CornerScores:
    """The mAP of one kind of one model's corners."""
    rows = model[model["corner"] == kind]
    found = FoundCorners(
        image_id=rows["image_id"].to_numpy("int64"),
        category=rows["category"].to_numpy("int64"),
        points=rows[["x", "y"]].to_numpy("float64"),
        score=rows["score"].to_numpy("float64"),
    )
    settings = params.evaluation
    return score_corners(
        split,
        found,
        kind,
        params.corners.radius,
        settings.bootstrap_resamples,
        settings.bootstrap_seed,
    )
