"""The table of results that a run prints at its end."""

import pandas as pd

from cornernet.evaluation.coco_metrics import METRICS
from cornernet.reporting.tables.seeds import estimate, status

SUMMARY_METRICS = METRICS[:6]  # average precision, over all IoUs and sizes and by each


def results_summary(results: pd.DataFrame) -> str:
    """Plain text from results.csv: every variant and mode, val before test-dev, in percent.

    Several seeds are averaged; how many there were stands beside the variant.
    """
    tests = results.groupby(["split", "variant", "mode"], sort=False)  # in the file's own order
    lines: list[tuple[str, ...]] = [("split", "variant", "mode", *SUMMARY_METRICS)]
    lines += [_cells(split, variant, mode, rows) for (split, variant, mode), rows in tests]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [_aligned(line, widths) for line in lines]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def _cells(split: str, variant: str, mode: str, rows: pd.DataFrame) -> tuple[str, ...]:
    seeds = rows["seed"].nunique()
    name = variant if seeds == 1 else f"{variant} ({seeds} seeds)"
    if status(rows) != "scored":
        return (split, name, mode, "not scored", *[""] * (len(SUMMARY_METRICS) - 1))
    values = (estimate(rows, metric).value for metric in SUMMARY_METRICS)
    return (split, name, mode, *("-" if v is None else f"{v:.1f}" for v in values))


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    cells = [
        text.ljust(width) if column < 3 else text.rjust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
