"""SIGTERM, Ctrl-C and SIGUSR1 as a request to stop, which long work looks at now and then."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# A cluster sends SIGUSR1 some time before its limit, where it is asked to.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """The signal that asked to stop, 0 while none has; processes that are given it see it too."""

    def __init__(self) -> None:
        self._number: Any = multiprocessing.get_context("spawn").RawValue("i", 0)

    @property
    def number(self) -> int:
        """Of the signal."""
        return int(self._number.value)

    @number.setter
    def number(self, number: int) -> None:
        self._number.value = number


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Collect stopping signals within the block. A second one ends this process, and its children.

    Outside the main thread signals cannot be caught, and none is.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in STOPPING}

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def remember(number: int, frame: FrameType | None) -> None:
        if not request.number:
            request.number = number
            return
        put_back()
        for child in multiprocessing.active_children():
            child.kill()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        signal.raise_signal(number)

    for number in STOPPING:
        signal.signal(number, remember)
    try:
        yield request
    finally:
        put_back()
