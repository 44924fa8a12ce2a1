"""The loss terms by iteration, as a CSV file: the record that the report draws its curves from."""

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path

from cornernet.files import replacing

TERMS = ("total", "focal_tl", "focal_br", "pull", "push", "offset")
COLUMNS = ("iteration", "learning_rate", *TERMS, "images_per_second")


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows in order of iteration; `iteration` is a whole number.

    A row that a crash cut short ends the history: what follows it was never finished. A missing
    file has no rows.
    """
    if not path.is_file():
        return []
    rows: list[dict[str, float]] = []
    with path.open(newline="") as stream:
        for line in csv.DictReader(stream):
            row = _parsed(line)
            if row is None:
                break
            rows.append(row)
    return rows


def _parsed(line: Mapping[str | None, str | None]) -> dict[str, float] | None:
    if set(line) != set(COLUMNS):
        return None
    try:
        row = {name: float(line[name] or "") for name in COLUMNS}
    except ValueError:
        return None
    return {**row, "iteration": int(row["iteration"])} if math.isfinite(row["iteration"]) else None


def start_history(path: Path, iteration: int) -> None:
    """Keep the rows up to `iteration`, that of the checkpoint gone on from. Atomic."""
    rows = [row for row in read_history(path) if row["iteration"] <= iteration]
    write_history(path, rows)


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write all rows, atomically."""
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Add one row at the end, in one write."""
    line = ",".join(repr(row[name]) for name in COLUMNS) + "\n"
    with path.open("a", newline="") as stream:
        stream.write(line)


def flush_to_disk(path: Path) -> None:
    """Wait until the file's rows are on the disk, so that a later checkpoint never lacks them."""
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())
