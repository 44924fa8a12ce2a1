"""Lines of progress for long transfers, sizes and times as a person reads them, full disks."""

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cornernet.errors import BadInput


class Progress:
    """Says every few seconds how far a transfer is, how fast, and how long it will still take."""

    def __init__(
        self,
        name: str,
        start: int,
        total: int | None,
        report: Callable[[str], None],
        every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`start`: bytes there already; `total`: bytes of the whole; `every`: seconds a line."""
        self._name, self._total, self._report, self._every = name, total, report, every
        self._clock = clock
        self._start = self._done = start
        self._began = self._last = clock()

    def advance(self, count: int) -> None:
        """`count` more bytes have arrived."""
        self._done += count
        now = self._clock()
        if now - self._last >= self._every or self._done == self._total:
            self._last = now
            self._report(self._line(now - self._began))

    def _line(self, seconds: float) -> str:
        rate = (self._done - self._start) / max(seconds, 1e-9)
        if self._total is None:
            return f"{self._name}: {size_text(self._done)}, {size_text(rate)}/s"
        line = (
            f"{self._name}: {size_text(self._done)} of {size_text(self._total)} "
            f"({100 * self._done / self._total:.0f} %), {size_text(rate)}/s"
        )
        left = self._total - self._done
        return f"{line}, {time_text(left / rate)} left" if left and rate else line


def size_text(count: float) -> str:
    """A number of bytes as text, in decimal units as disks and networks are sold: "19.34 GB"."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count:.0f} bytes"


def time_text(seconds: float) -> str:
    """A duration as text: "2 h 05 min", "3 min 20 s", "12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system while writing `path` into BadInput."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BadInput(
                f"{path.parent}: no space left on the disk; make room and run the same command "
                "again (it goes on where it was)"
            ) from None
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None
