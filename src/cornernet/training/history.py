"""A training's curves as CSV files: its losses by iteration, and its AP as far as it is known."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

from cornernet.files import replacing

LOSSES = ("total", "focal_tl", "focal_br", "pull", "push", "offset")
COLUMNS = ("iteration", "learning_rate", *LOSSES, "images_per_second")
HISTORY = "history.csv"  # beside the checkpoints; of a finished model, what its name ends with
# Of the file beside the history; in percent, nan where a score is undefined.
VALIDATION, VALIDATION_COLUMNS = "validation.csv", ("iteration", "AP", "AP50")


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows in order of iteration, which is a whole number; of a validation.csv likewise.

    A row that a crash cut short ends the history: what follows it was never finished. A missing
    file has no rows.
    """
    rows: list[dict[str, float]] = []
    text = path.read_text() if path.is_file() else ""
    whole, _, _ = text.rpartition("\n")  # without a last line that is being written
    for line in csv.DictReader(whole.splitlines()):
        try:
            row = {name: float(line[name]) for name in _columns(path)}
            rows.append({**row, "iteration": int(row["iteration"])})
        except (KeyError, TypeError, ValueError, OverflowError):
            break
    return rows


def start_history(path: Path, iteration: int) -> None:
    """Keep the rows up to `iteration`, that of the checkpoint gone on from. Atomic."""
    write_history(path, [row for row in read_history(path) if row["iteration"] <= iteration])


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write all rows, atomically."""
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, _columns(path), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Add one row at the end, in one write."""
    with path.open("a", newline="") as stream:
        stream.write(",".join(repr(row[name]) for name in _columns(path)) + "\n")


def flush_to_disk(path: Path) -> None:
    """Wait until the file's rows are on the disk, so that a later checkpoint never lacks them."""
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def _columns(path: Path) -> tuple[str, ...]:
    return VALIDATION_COLUMNS if path.name == VALIDATION else COLUMNS
