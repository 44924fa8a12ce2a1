"""The one display of how far something is: tqdm, on a terminal and in a log file."""

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0  # in a log, where every update is a line that stays
PLAIN = "{desc}: {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


class Progress(tqdm):  # type: ignore[type-arg]
    """tqdm's bar on a terminal; elsewhere, as in a workflow's log, a plain line now and then.

    `with Progress("radii", total=10, unit="image") as progress: progress.update()`.
    """

    def __init__(self, name: str, total: int | None, unit: str = "image", **options: Any) -> None:
        seconds = 0.5 if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
        settings = {
            "desc": name,
            "total": total,
            "unit": f" {unit}s",
            "mininterval": seconds,
            "maxinterval": seconds,
            "delay": 0 if sys.stderr.isatty() else seconds,  # what is quick needs no line
            "dynamic_ncols": True,
            "file": sys.stderr,
            "bar_format": None if sys.stderr.isatty() else PLAIN,
            "leave": False,
        }
        super().__init__(**settings | options)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """How tqdm writes its line: over the line before on a terminal, else below it."""
        if file.isatty():
            return tqdm.status_printer(file)

        def print_line(text: str) -> None:
            if text.strip():
                file.write(f"{text.strip()}\n")
                file.flush()

        return print_line

    def show(self, done: int) -> None:
        """Say that `done` of `total` are done, if it is time to."""
        self.update(done - self.n)

    def __call__(self, done: int, total: int) -> None:
        """The same, as a callback that is told the total too."""
        self.total = total
        self.show(done)


def say(line: str) -> None:
    """Print a line for the person who waits, above a progress bar that is being drawn."""
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()
