"""corners.csv: mAP of the corners that models found, by quadrant of the image.

It has the columns of results.csv: which corners were looked at is the mode, a quadrant the metric.
"""

from collections.abc import Mapping

import pandas as pd

from cornernet.evaluation.half_sampling import HalfSampled, score_intervals
from cornernet.reporting.tables.literature import Cell, Literature
from cornernet.reporting.tables.results import RESULT_COLUMNS, as_table


def collect_corners(
    scored: Mapping[tuple[Cell, int], HalfSampled], literature: Literature, confidence: float
) -> pd.DataFrame:
    """corners.csv: one row per variant and corners (a cell), seed and quadrant."""
    rows = []
    for (cell, seed), scores in scored.items():
        for quadrant, interval in score_intervals(scores, confidence).items():
            paper = literature.value("journal", "val", cell, quadrant)
            rows.append((cell.variant, seed, "val", cell.mode, quadrant, *interval, paper))
    return as_table(rows, RESULT_COLUMNS)
