"""The line that says how far a training is."""

import sys
import time
from typing import TextIO

# Seconds between lines in a log; a terminal's one line is redrawn more often.
LOG_INTERVAL = 10.0
TERMINAL_INTERVAL = 1.0


class Progress:
    """Prints iteration, loss, images a second and time left, at most every few seconds.

    On a terminal one line is redrawn; elsewhere (a workflow's log) each is a line of its own.
    `images` is the number in one iteration, `end` the last iteration.
    """

    def __init__(
        self,
        name: str,
        end: int,
        images: int,
        stream: TextIO | None = None,
        interval: float | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        default = TERMINAL_INTERVAL if self._terminal else LOG_INTERVAL
        self._interval = default if interval is None else interval
        self._name, self._end, self._images = name, end, images
        self._open_line = False
        self.begin(0)

    def begin(self, iteration: int) -> None:
        """Start the clock, with `iteration` iterations done before."""
        self._start = iteration
        self._began = self._last = time.monotonic()

    def show(self, iteration: int, loss: float) -> None:
        """Tell that `iteration` is done, if it is time to."""
        now = time.monotonic()
        if now - self._last < self._interval and iteration < self._end:
            return
        self._last = now
        pace = max(now - self._began, 1e-9) / max(iteration - self._start, 1)  # seconds
        line = (
            f"{self._name}  iteration {iteration}/{self._end}  loss {loss:.3f}  "
            f"{self._images / pace:.1f} images/s  {duration(pace * (self._end - iteration))} left"
        )
        if self._terminal:
            self._stream.write(f"\r\x1b[K{line}")
            self._open_line = True
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def say(self, message: str) -> None:
        """A line of its own."""
        self.close()
        self._stream.write(f"{self._name}: {message}\n")
        self._stream.flush()

    def close(self) -> None:
        """End an open line."""
        if self._open_line:
            self._stream.write("\n")
            self._open_line = False


def duration(seconds: float) -> str:
    """Such as "45 s", "12 min 05 s", "3 h 20 min", "9 d 4 h"."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    if minutes:
        return f"{minutes} min {rest:02d} s"
    return f"{rest} s"
