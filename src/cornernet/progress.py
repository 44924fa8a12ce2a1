"""A line now and then about how far a stage is."""

import sys
import time

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """A line every few seconds: images done, images a second, time left."""

    def __init__(self, name: str) -> None:
        self._name, self._began, self._said = name, time.monotonic(), time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Say that `done` of `total` images are done, if it is time to."""
        now = time.monotonic()
        if done == 0 or (now - self._said < SECONDS_BETWEEN_LINES and done < total):
            return
        self._said = now
        rate = done / max(now - self._began, 1e-9)
        say(
            f"{self._name}  image {done}/{total}  {rate:.1f} images/s  "
            f"{(total - done) / rate:.0f} s left"
        )


def say(line: str) -> None:
    """Print a line for the person who waits, at once."""
    print(line, file=sys.stderr, flush=True)
