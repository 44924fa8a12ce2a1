"""Times several ways of doing one thing in one process, turn by turn.

Turn by turn, because a machine's speed drifts (clock, heat, neighbours): what slows one side down
slows the other down with it, and ratios are taken within a round.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

# A call shorter than this is repeated until a sample is this long: the clock's own cost vanishes.
SHORTEST_SAMPLE = 0.01
SLOW = 1.0  # a call that takes longer is not made twice to warm up
FEWEST_ROUNDS = 3

Side = Callable[[], object]


@dataclass(frozen=True)
class Window:
    """How long to measure: `rounds` rounds, fewer (three at least) when `seconds` have passed."""

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some samples."""

    median: float
    low: float
    high: float
    samples: int

    @classmethod
    def of(cls, values: "list[float] | np.ndarray") -> "Spread":
        low, median, high = np.quantile(np.asarray(values, np.float64), (0.25, 0.5, 0.75)).tolist()
        return cls(median, low, high, len(values))


@dataclass(frozen=True)
class Times:
    """Seconds a call of one side, a sample a round; samples of one round are neighbours in time."""

    seconds: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """In milliseconds."""
        return Spread.of([1000 * value for value in self.seconds])

    def ratio(self, other: "Times") -> Spread:
        """How many times as long as `other`: the spread of the ratios within a round."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return Spread.of([mine / others for mine, others in pairs])


def nothing() -> None:
    """What a CPU does to finish its work; on a GPU pass `torch.cuda.synchronize`."""


def time_in_turn(
    sides: Mapping[str, Side],
    window: Window,
    synchronize: Callable[[], None] = nothing,
    warm_up: bool = True,
) -> dict[str, Times]:
    """Seconds a call of each side, all sides in each round, every second round in reverse.

    Each side is called before, to warm up (compilation, caches) and to see how many calls make a
    sample; with `warm_up` off a sample is one call. `synchronize` waits for the device, before and
    after each sample. Garbage is collected between samples, not within.
    """
    with _settled_memory():
        return _time_in_turn(sides, window, synchronize, warm_up)


def _time_in_turn(
    sides: Mapping[str, Side], window: Window, synchronize: Callable[[], None], warm_up: bool
) -> dict[str, Times]:
    calls = {
        name: _calls_a_sample(side, synchronize) if warm_up else 1 for name, side in sides.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    began = time.monotonic()
    for number in range(window.rounds):
        if number >= FEWEST_ROUNDS and time.monotonic() - began > window.seconds:
            break
        names = list(sides)
        order = names if number % 2 == 0 else names[::-1]
        for name in order:
            taken[name].append(_sample(sides[name], calls[name], synchronize))
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def _calls_a_sample(side: Side, synchronize: Callable[[], None]) -> int:
    seconds = _sample(side, 1, synchronize)
    if seconds < SLOW:
        seconds = _sample(side, 1, synchronize)
    return max(1, math.ceil(SHORTEST_SAMPLE / max(seconds, 1e-9)))


def _sample(side: Side, calls: int, synchronize: Callable[[], None]) -> float:
    with _no_collection():
        synchronize()
        began = time.perf_counter()
        for _ in range(calls):
            side()
        synchronize()
        return (time.perf_counter() - began) / calls


@contextmanager
def _settled_memory() -> Iterator[None]:
    """What there is already is left out of the collections between samples: they are quick then."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
