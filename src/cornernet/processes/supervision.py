"""What work that runs long is told and tells: signals that ask it to stop, and signs of life."""

import ctypes
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# A cluster sends SIGUSR1 some time before its limit, where it is asked to.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
SECONDS_BETWEEN_BEATS = 1.0
SECONDS_TO_BE_BORN = 30.0  # until a member can give a sign of life: Python and its packages start


class StopRequest(ctypes.Structure):
    """The signal that asked to stop, 0 while none has; in memory that other processes may share."""

    _fields_ = (("number", ctypes.c_int),)
    number: int


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Collect stopping signals within the block. A second one ends this process, and its children.

    Outside the main thread signals cannot be caught, and none is.
    """
    request = multiprocessing.get_context("spawn").RawValue(StopRequest)
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


class Supervision:
    """What an agent and its members tell each other, in memory that they share.

    Without locks: a member may be killed at any moment, and would take one with it. `starts` is how
    often the members were started; `beats` are the times of their last signs of life.
    """

    def __init__(self, members: int) -> None:
        shared = multiprocessing.get_context("spawn")
        self.starts: Any = shared.RawValue("i", 0)
        self.beats: Any = shared.RawArray("d", members)

    def begin(self, start: int) -> None:
        """Before the members are started for the `start`-th time."""
        self.starts.value = start
        self.beats[:] = [time.monotonic() + SECONDS_TO_BE_BORN] * len(self.beats)

    def late(self, seconds: float) -> list[int]:
        """The members that have given no sign of life for so long."""
        now = time.monotonic()
        return [index for index, beat in enumerate(self.beats) if now - beat > seconds]


class Heartbeat:
    """A member's signs of life: one after each step that it did.

    Where that may take long, as at the start, while a file is written, or while it waits for other
    members, a thread gives them: then the member is late only if the system has stopped it.
    """

    def __init__(self, supervision: Supervision | None = None, index: int = 0) -> None:
        self._supervision, self._index = supervision, index
        self._excused = True
        if supervision is not None:
            threading.Thread(target=self._beat_while_excused, daemon=True).start()

    def step_done(self) -> None:
        """A step is done; the next one must not take long."""
        self._excused = False
        self._beat()

    @contextmanager
    def excused(self) -> Iterator[None]:
        """The block may take long."""
        before, self._excused = self._excused, True
        try:
            yield
        finally:
            self._beat()
            self._excused = before

    def _beat(self) -> None:
        if self._supervision is not None:
            self._supervision.beats[self._index] = time.monotonic()

    def _beat_while_excused(self) -> None:
        while True:
            if self._excused:
                self._beat()
            time.sleep(SECONDS_BETWEEN_BEATS)


@contextmanager
def watched(supervision: Supervision, minutes: float) -> Iterator[list[str]]:
    """Kill all members when one of them hangs; yields the list to which the reason is added."""
    why: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_BEATS):
            if late := supervision.late(60 * minutes):
                why.append(f"process {late[0]} hangs: it did nothing for {minutes:g} minutes")
                supervision.begin(supervision.starts.value)
                for child in multiprocessing.active_children():
                    child.kill()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield why
    finally:
        over.set()
        watcher.join()
