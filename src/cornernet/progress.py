"""The one display of how far something is: tqdm, on a terminal and in a log file."""

import re
import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0  # in a log, where every update is a line that stays
PLAIN = (
    "{desc}: {n_fmt}/{total_fmt}{unit}, {elapsed} so far, {remaining} left, "
    "{rate_noinv_fmt}{postfix}"
)
IS_PROGRESS = re.compile(r", [\d:]+ so far, ")  # finds the lines of that form in a log


class Progress(tqdm):  # type: ignore[type-arg]
    """tqdm's bar on a terminal; elsewhere, as in a workflow's log, a plain line now and then.

    `with Progress("radii", total=10, unit="image") as progress: progress.update()`.
    """

    def __init__(self, name: str, total: int | None, unit: str = "image", **options: Any) -> None:
        seconds = 0.5 if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
        super().__init__(
            desc=name,
            total=total,
            unit=f" {unit}s",
            mininterval=seconds,
            maxinterval=seconds,
            delay=0 if sys.stderr.isatty() else seconds,  # what is quick needs no line
            dynamic_ncols=True,
            file=sys.stderr,
            bar_format=None if sys.stderr.isatty() else PLAIN,
            leave=False,
            **options,
        )

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

    def __call__(self, done: int, total: int) -> None:
        """Say that `done` of `total` are done, if it is time to."""
        self.total = total
        self.update(done - self.n)


def say(line: str) -> None:
    """Print a line for the person who waits, above a progress bar that is being drawn."""
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()
