"""results.csv: every score of a profile in one tidy table, the paper's number beside it."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from cornernet.config.load import nearest
from cornernet.errors import BadInput
from cornernet.files import write_text
from cornernet.reporting.tables.literature import METRICS, MODES, SPLITS, Cell, Literature

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

    Raises BadInput with a line for each file that is unreadable, malformed or a double of another.
    """
    problems: list[str] = []
    rows: dict[tuple[str, int, str, str], list[dict[str, Any]]] = {}
    for path in sorted(metrics):
        try:
            tree = _read_metrics(path)
            key = (tree["variant"], tree["seed"], tree["split"], tree["mode"])
            if key in rows:
                raise BadInput(f"{path}: another file holds {key} too; remove one of them")
            rows[key] = _rows(tree, key, literature, reference)
        except BadInput as error:
            problems.extend(error.problems)
    if problems:
        raise BadInput(problems)
    ordered = sorted(
        rows, key=lambda key: (SPLITS.index(key[2]), key[0], MODES.index(key[3]), key[1])
    )
    return _frame([row for key in ordered for row in rows[key]], RESULT_COLUMNS)


def _read_metrics(path: Path) -> dict[str, Any]:
    """The content of a metrics file, checked."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable as JSON ({error}); run `evaluate` again") from None
    if not isinstance(tree, dict) or not {"variant", "seed", "split", "mode"} <= set(tree):
        raise BadInput(f"{path}: needs variant, seed, split, mode; run `evaluate` again")
    for key, known in (("split", SPLITS), ("mode", MODES)):
        if tree[key] not in known:
            raise BadInput(f"{path}: {key} {tree[key]!r} is not one of {', '.join(known)}")
    if tree.get("status") not in STATUSES:
        raise BadInput(f"{path}: status {tree.get('status')!r} is not one of {STATUSES}")
    if isinstance(tree["seed"], bool) or not isinstance(tree["seed"], int):
        raise BadInput(f"{path}: seed {tree['seed']!r} is not a whole number")
    scores = tree.get("metrics")
    if scores is None and tree["status"] != "scored":
        scores = {}
    if not isinstance(scores, dict):
        raise BadInput(f"{path}: metrics must map a name to a number")
    intervals = tree.get("intervals", {})
    if not isinstance(intervals, dict) or any(
        not isinstance(ends, list) or len(ends) != 2 for ends in intervals.values()
    ):
        raise BadInput(f"{path}: intervals must map a name to its two ends")
    for name in (*scores, *intervals):
        if name not in METRICS:
            raise BadInput(f"{path}: unknown metric {name!r}{nearest(name, METRICS)}")
        _check_numbers(path, name, [scores.get(name), *intervals.get(name, [])])
    return {**tree, "metrics": scores, "intervals": intervals}


def _check_numbers(path: Path, name: str, numbers: list[Any]) -> None:
    for number in numbers:
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise BadInput(f"{path}: {name} holds {number!r}, which is not a number")
        if not 0 <= number <= 100:  # also NaN
            raise BadInput(f"{path}: {name} is {number}; percent lies in 0 to 100, or is null")


def _rows(
    tree: dict[str, Any],
    key: tuple[str, int, str, str],
    literature: Literature,
    reference: str,
) -> list[dict[str, Any]]:
    variant, seed, split, mode = key
    scored = tree["metrics"] if tree["status"] == "scored" else {}
    rows = []
    for metric in METRICS:
        low, high = tree["intervals"].get(metric, (None, None))
        rows.append(
            {
                "variant": variant,
                "seed": seed,
                "split": split,
                "mode": mode,
                "metric": metric,
                "value": scored.get(metric),
                "ci_low": low,
                "ci_high": high,
                "paper": literature.value(reference, split, Cell(variant, mode), metric),
            }
        )
    return rows


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: "float64" for name in NUMBERS if name in columns})


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table atomically: numbers to six decimals, missing ones empty."""
    rounded = frame.round(dict.fromkeys(frame.select_dtypes("float").columns, 6))
    write_text(path, rounded.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read results.csv, differences.csv or claims.csv. Raises BadInput if it is not one."""
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values={key: [""] for key in NUMBERS})
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable as CSV ({error}); run `tables` again") from None
    if tuple(frame.columns) != columns:
        raise BadInput(f"{path}: columns are not {', '.join(columns)}; run `tables` again")
    for name in NUMBERS:
        if name in columns:
            try:
                frame = frame.astype({name: "float64"})
            except ValueError as error:
                raise BadInput(f"{path}: column {name}: {error}; run `tables` again") from None
    return frame


def read_results(path: Path) -> pd.DataFrame:
    """Read results.csv. Raises BadInput if it is not one."""
    return read_csv(path, RESULT_COLUMNS)


def defined(number: Any) -> float | None:
    """`number` as a float, or None where a table has an empty cell."""
    return None if number is None or math.isnan(number) else float(number)
