"""results.csv: every score of a profile, one per row, the paper's number beside it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cornernet.config.load import nearest
from cornernet.errors import BadInput
from cornernet.evaluation.coco_metrics import METRICS
from cornernet.files import write_text
from cornernet.reporting.tables.literature import MODES, SPLITS, Cell, Literature

RESULT_COLUMNS = (
    "variant", "seed", "split", "mode", "metric", "value", "ci_low", "ci_high", "paper",
)  # fmt: skip
STATUSES = ("scored", "submitted, not scored")
NUMBERS = ("value", "ci_low", "ci_high", "paper")


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
    problems: list[str] = []
    found: dict[tuple[str, int, str, str], dict[str, Any]] = {}
    for path in sorted(metrics):
        try:
            tree = _read_metrics(path)
            test = (tree["variant"], tree["seed"], tree["split"], tree["mode"])
            if test in found:
                raise BadInput(f"{path}: another file holds {test} too; remove one of them")
            found[test] = tree
        except BadInput as error:
            problems.extend(error.problems)
    if problems:
        raise BadInput(problems)
    tests = sorted(found, key=lambda t: (SPLITS.index(t[2]), t[0], MODES.index(t[3]), t[1]))
    rows = []
    for test in tests:
        variant, _, split, mode = test
        for metric in METRICS:
            value = found[test]["metrics"].get(metric)
            ends = found[test]["intervals"].get(metric, (None, None))
            paper = literature.value(reference, split, Cell(variant, mode), metric)
            rows.append((*test, metric, value, *ends, paper))
    return as_table(rows, RESULT_COLUMNS)


def _read_metrics(path: Path) -> dict[str, Any]:
    """The content of a metrics file, checked. Raises BadInput."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable as JSON ({error}); run `evaluate` again") from None
    needed = ("variant", "seed", "split", "mode", "status", "metrics", "intervals")
    if not isinstance(tree, dict) or not set(needed) <= set(tree):
        raise BadInput(f"{path}: needs {', '.join(needed)}; run `evaluate` again")
    for key, known in (("split", SPLITS), ("mode", MODES), ("status", STATUSES)):
        if tree[key] not in known:
            raise BadInput(f"{path}: {key} {tree[key]!r} is not one of {', '.join(known)}")
    if isinstance(tree["seed"], bool) or not isinstance(tree["seed"], int):
        raise BadInput(f"{path}: seed {tree['seed']!r} is not a whole number")
    scores, intervals = tree["metrics"], tree["intervals"]
    if not isinstance(scores, dict):
        raise BadInput(f"{path}: metrics must map a name to a number")
    if not isinstance(intervals, dict) or any(
        not isinstance(ends, list) or len(ends) != 2 for ends in intervals.values()
    ):
        raise BadInput(f"{path}: intervals must map a name to its two ends")
    for name in (*scores, *intervals):
        if name not in METRICS:
            raise BadInput(f"{path}: unknown metric {name!r}{nearest(name, METRICS)}")
        for number in (scores.get(name), *intervals.get(name, ())):
            _check_percent(number, f"{path}: {name}")
    return tree


def _check_percent(number: Any, where: str) -> None:
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise BadInput(f"{where} holds {number!r}, which is not a number")
    if not 0 <= number <= 100:  # also NaN
        raise BadInput(f"{where} is {number}; percent lies in 0 to 100, or is null")


def as_table(rows: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """A table whose NUMBERS are floats, even where it has no row or no number."""
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: "float64" for name in NUMBERS if name in columns})


def rows_where(frame: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """The rows whose columns have the values that are wanted."""
    return frame[(frame[list(wanted)] == list(wanted.values())).all(axis=1)]


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table atomically: numbers to six decimals, missing ones empty."""
    rounded = frame.round(dict.fromkeys(frame.select_dtypes("float").columns, 6))
    write_text(path, rounded.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table that has these columns. Raises BadInput if it is not one."""
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values={key: [""] for key in NUMBERS})
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable as CSV ({error}); run `tables` again") from None
    if tuple(frame.columns) != tuple(columns):
        raise BadInput(f"{path}: columns are not {', '.join(columns)}; run `tables` again")
    try:
        return frame.astype({name: "float64" for name in NUMBERS if name in columns})
    except ValueError as error:
        raise BadInput(f"{path}: {error}; run `tables` again") from None


def read_results(path: Path) -> pd.DataFrame:
    """Read results.csv. Raises BadInput if it is not one."""
    return read_csv(path, RESULT_COLUMNS)
