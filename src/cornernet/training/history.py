"""A training's curves as CSV files: its losses by iteration, and its AP as far as it is known."""

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path

from cornernet.files import replacing

LOSSES = ("total", "focal_tl", "focal_br", "pull", "push", "offset")
COLUMNS = ("iteration", "learning_rate", *LOSSES, "images_per_second")
HISTORY = "history.csv"  # beside the checkpoints; of a finished model, what its name ends with
# Of the file beside the history; in percent, nan where a score is undefined.
VALIDATION, VALIDATION_COLUMNS = "validation.csv", ("iteration", "AP", "AP50")


def read_history(path: Path, columns: tuple[str, ...] = COLUMNS) -> list[dict[str, float]]:
    """The rows in order of iteration; `iteration` is a whole number.

    A row that a crash cut short ends the history: what follows it was never finished. A missing
    file has no rows.
    """
    if not path.is_file():
        return []
    rows: list[dict[str, float]] = []
    whole, _, _ = path.read_text().rpartition("\n")  # without a last line that is being written
    for line in csv.DictReader(whole.splitlines()):
        row = _parsed(line, columns)
        if row is None:
            break
        rows.append(row)
    return rows


def read_validation(history: Path) -> list[dict[str, float]]:
    """The rows of the validations beside a history."""
    return read_history(history.with_name(VALIDATION), VALIDATION_COLUMNS)


def _parsed(
    line: Mapping[str | None, str | None], columns: tuple[str, ...]
) -> dict[str, float] | None:
    if set(line) != set(columns):
        return None
    try:
        row = {name: float(line[name] or "") for name in columns}
    except ValueError:
        return None
    return {**row, "iteration": int(row["iteration"])} if math.isfinite(row["iteration"]) else None


def start_history(path: Path, iteration: int, columns: tuple[str, ...] = COLUMNS) -> None:
    """Keep the rows up to `iteration`, that of the checkpoint gone on from. Atomic."""
    rows = [row for row in read_history(path, columns) if row["iteration"] <= iteration]
    write_history(path, rows, columns)


def write_history(
    path: Path, rows: list[dict[str, float]], columns: tuple[str, ...] = COLUMNS
) -> None:
    """Write all rows, atomically."""
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def append_row(path: Path, row: Mapping[str, float], columns: tuple[str, ...] = COLUMNS) -> None:
    """Add one row at the end, in one write."""
    line = ",".join(repr(row[name]) for name in columns) + "\n"
    with path.open("a", newline="") as stream:
        stream.write(line)


def start_validation(history: Path, iteration: int) -> None:
    """Keep the validations beside a history up to `iteration`."""
    if (path := history.with_name(VALIDATION)).is_file():
        start_history(path, iteration, VALIDATION_COLUMNS)


def append_validation(history: Path, iteration: int, scores: Mapping[str, float | None]) -> None:
    """Add the scores of a network as it was after `iteration`."""
    path = history.with_name(VALIDATION)
    if not path.is_file():
        write_history(path, [], VALIDATION_COLUMNS)
    known = {name: math.nan if score is None else score for name, score in scores.items()}
    append_row(path, {"iteration": iteration, **known}, VALIDATION_COLUMNS)


def flush_to_disk(path: Path) -> None:
    """Wait until the file's rows are on the disk, so that a later checkpoint never lacks them."""
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())
