"""results.csv: every score of a profile, one per row, the paper's number beside it.

Scores of one category are further rows at its end, whose `metric` is, say, AP50-zebra: the columns
are the same, and what picks its rows by the name of a metric finds what it found before.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pydantic
from pydantic import Field

from cornernet.config.schema import MODES, SPLITS, Mode, Split
from cornernet.errors import BadInput, nearest
from cornernet.evaluation.metric_names import METRICS
from cornernet.files import write_text
from cornernet.reporting.checked_files import read_checked
from cornernet.reporting.tables.literature import Cell, Literature

RESULT_COLUMNS = (
    "variant", "seed", "split", "mode", "metric", "value", "ci_low", "ci_high", "paper",
)  # fmt: skip
NUMBERS = (
    "value", "ci_low", "ci_high", "paper", "ours", "images", "training", "margin", "df", "cost",
    "mean", "sd",
)  # fmt: skip
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None


class CategoryScores(pydantic.BaseModel):
    """CATEGORY_METRICS of one category; `name` as it is shown."""

    model_config = pydantic.ConfigDict(strict=True)

    name: str
    objects: int
    metrics: dict[str, Percent]
    intervals: dict[str, tuple[Percent, Percent]]


class ErrorCost(pydantic.BaseModel):
    """A kind of mistake: how many there are, and what they cost in points of AP50."""

    model_config = pydantic.ConfigDict(strict=True)

    kind: str
    count: int
    cost: Percent


class MetricsFile(pydantic.BaseModel):
    """What `evaluate` writes of one test; a metric without a value or interval may be absent."""

    model_config = pydantic.ConfigDict(strict=True)

    variant: str
    seed: int
    split: Split
    mode: Mode
    status: Literal["scored", "submitted, not scored"]
    metrics: dict[str, Percent]
    intervals: dict[str, tuple[Percent, Percent]]
    categories: list[CategoryScores] = []  # none where a server scored
    errors: list[ErrorCost] = []


def collect_results(
    metrics: Iterable[Path], literature: Literature, reference: str
) -> pd.DataFrame:
    """results.csv from the files that `evaluate` wrote.

    One row per variant, seed, split, mode and metric, all metrics of METRICS each time; `value`
    and its interval in percent, empty where undefined. A test that was submitted and not scored
    has rows whose `value` is empty throughout. `paper` is the number of the text `reference`
    ("eccv" or "journal"). The order of `metrics` does not matter.

    Raises BadInput with one line per file that is unreadable, malformed or a double of another.
    """
    rows = []
    for test, file in _by_test(metrics).items():
        variant, _, split, mode = test
        for metric in METRICS:
            value = file.metrics.get(metric)
            ends = file.intervals.get(metric, (None, None))
            paper = literature.value(reference, split, Cell(variant, mode), metric)
            rows.append((*test, metric, value, *ends, paper))
    return as_table(rows, RESULT_COLUMNS)


def category_results(metrics: Iterable[Path]) -> pd.DataFrame:
    """The further rows of results.csv: each score of each category, as `collect_results` has them.

    The paper has no such numbers.
    """
    rows = [
        (*test, f"{metric}-{one.name}", value, *one.intervals.get(metric, (None, None)), None)
        for test, file in _by_test(metrics).items()
        for one in file.categories
        for metric, value in one.metrics.items()
    ]
    return as_table(rows, RESULT_COLUMNS)


def _by_test(metrics: Iterable[Path]) -> dict[tuple[str, int, Split, Mode], MetricsFile]:
    """The files by variant, seed, split and mode, in the order of results.csv."""
    problems: list[str] = []
    found: dict[tuple[str, int, Split, Mode], MetricsFile] = {}
    for path in sorted(metrics):
        try:
            file = read_metrics(path)
            test = (file.variant, file.seed, file.split, file.mode)
            if test in found:
                raise BadInput(f"{path}: another file holds {test} too; remove one of them")
            found[test] = file
        except BadInput as error:
            problems.extend(error.problems)
    if problems:
        raise BadInput(problems)
    ordered = sorted(found, key=lambda t: (SPLITS.index(t[2]), t[0], MODES.index(t[3]), t[1]))
    return {test: found[test] for test in ordered}


def read_metrics(path: Path) -> MetricsFile:
    """The content of a metrics file. Raises BadInput, a line for each thing that is wrong."""
    file = read_checked(path, MetricsFile, "; run `evaluate` again")
    for name in (*file.metrics, *file.intervals):
        if name not in METRICS:
            raise BadInput(f"{path}: unknown metric {name!r}{nearest(name, METRICS)}")
    return file


def as_table(rows: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """A table whose NUMBERS are floats, even where it has no row or no number."""
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: "float64" for name in NUMBERS if name in columns})


def rows_where(frame: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """The rows whose columns have the values that are wanted."""
    return frame[np.logical_and.reduce([frame[name] == value for name, value in wanted.items()])]


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table atomically: numbers to six decimals, missing ones empty."""
    rounded = frame.round(dict.fromkeys(frame.select_dtypes("float").columns, 6))
    write_text(path, rounded.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path, columns: Sequence[str], mend: str = "run `tables` again") -> pd.DataFrame:
    """Read a table that has these columns. Raises BadInput, with how to mend it, if it is none."""
    numbers = [name for name in NUMBERS if name in columns]
    missing = {name: [""] for name in numbers}
    kinds = dict.fromkeys(numbers, "float64") | {"category": "str"}  # which may be called 007
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=missing, dtype=kinds)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable as CSV ({error}); {mend}") from None
    if tuple(frame.columns) != tuple(columns):
        raise BadInput(f"{path}: columns are not {', '.join(columns)}; {mend}")
    return frame
