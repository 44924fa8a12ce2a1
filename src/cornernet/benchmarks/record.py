"""The result of a benchmark: what was measured, what was to be reached; a file and a table."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cornernet.benchmarks.timing import Spread, Times, Window
from cornernet.files import write_json


@dataclass(frozen=True)
class Measurement:
    """One number with its spread: a side of a comparison, or a quantity by itself."""

    case: str  # size or setting, such as "1x128x128x128"; "" where there is but one
    side: str  # "ours", or what the yardstick is
    value: Spread
    unit: str = "ms"
    precision: str = "float32"  # "" where nothing is computed


@dataclass(frozen=True)
class Floor:
    """The least time that an amount of arithmetic or of memory traffic can take here."""

    case: str
    side: str  # the measurement that it is held against
    kind: str  # "arithmetic" or "memory"
    amount: float  # floating-point operations, or bytes read and written
    rate: float  # of the same per second, measured on this machine
    measured_ms: float

    @property
    def floor_ms(self) -> float:
        """Milliseconds that the amount takes at the rate."""
        return 1000 * self.amount / self.rate

    @property
    def share(self) -> float:
        """What part of the measured time the floor is: 1 is the best there can be."""
        return self.floor_ms / self.measured_ms


@dataclass(frozen=True)
class Claim:
    """A number that was to be reached."""

    case: str
    what: str  # "flip + cummax / ours", "seconds"
    value: Spread
    aim: float | None  # None: reported alone
    at_least: bool = True  # else at most

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the aim; None without one."""
        if self.aim is None:
            return None
        median = self.value.median
        return median >= self.aim if self.at_least else median <= self.aim


@dataclass(frozen=True)
class Result:
    """Everything that a benchmark found."""

    measurements: tuple[Measurement, ...]
    claims: tuple[Claim, ...] = ()
    floors: tuple[Floor, ...] = ()
    checks: tuple[str, ...] = ()  # how the sides were seen to compute the same
    notes: tuple[str, ...] = ()  # what a reader must know: what stood in for what
    sizes: Mapping[str, Any] = field(default_factory=dict)  # of the input
    window: Window | None = None  # of every measurement


def timed(case: str, times: Mapping[str, Times], precision: str = "float32") -> list[Measurement]:
    """A measurement in milliseconds for each side of `time_in_turn`."""
    return [Measurement(case, side, t.spread, precision=precision) for side, t in times.items()]


def times_as_fast(
    case: str, times: Mapping[str, Times], yardstick: str, aim: float | None, ours: str = "ours"
) -> Claim:
    """The claim that `ours` is at least `aim` times as fast as `yardstick`."""
    return Claim(case, f"{yardstick} / {ours}", times[yardstick].ratio(times[ours]), aim)


def floor_of(case: str, side: str, kind: str, amount: float, rate: float, times: Times) -> Floor:
    """The floor under a side of `time_in_turn`: `amount` at `rate` per second."""
    return Floor(case, side, kind, amount, rate, times.spread.median)


def hardware_slug(processor: str, cores: int, gpu: str | None) -> str:
    """The hardware as a part of a file's name: the GPU, or else the processor and its cores.

    "AMD EPYC 9B14 96-Core Processor", 2 cores -> amd-epyc-9b14-2-cores
    """
    name = (
        gpu
        if gpu
        else re.sub(r"\(R\)|\(TM\)|@.*|\b\d+-Core\b|\bProcessor\b|\bCPU\b", " ", processor)
    )
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unknown"
    return slug if gpu else f"{slug}-{cores}-core{'s' if cores != 1 else ''}"


def as_json(name: str, result: Result, about: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a benchmark; `about` is what was not measured: hardware, versions, window."""
    tree: dict[str, Any] = {"benchmark": name, **about, **dataclasses.asdict(result)}
    for key, items, derived in (
        ("floors", result.floors, ("floor_ms", "share")),
        ("claims", result.claims, ("reached",)),
    ):
        tree[key] = [
            {**dataclasses.asdict(item), **{name: getattr(item, name) for name in derived}}
            for item in items  # type: ignore[attr-defined]
        ]
    return tree


def write_result(folder: Path, slug: str, record: Mapping[str, Any]) -> Path:
    """Write a record to `<folder>/<name>-<hardware>.json`; returns the path."""
    path = folder / f"{record['benchmark']}-{slug}.json"
    write_json(path, record)
    return path


def table_lines(result: Result) -> list[str]:
    """The result as lines of text."""
    rows = [
        [m.case, m.side, m.precision, _number(m.value.median), m.unit,
         f"{_number(m.value.low)} to {_number(m.value.high)}", str(m.value.samples)]
        for m in result.measurements
    ]  # fmt: skip
    head = ["case", "side", "precision", "median", "unit", "quartiles", "rounds"]
    lines = _aligned([head, *rows])
    for floor in result.floors:
        lines.append(
            f"floor: {_named(floor.case)}{floor.side}: {floor.kind} "
            f"{_number(floor.floor_ms)} ms; it takes {1 / floor.share:.2f} times as long"
        )
    for claim in result.claims:
        verdict = {None: "", True: ", reached", False: ", NOT reached"}[claim.reached]
        aim = (
            ""
            if claim.aim is None
            else f" (aim: at {'least' if claim.at_least else 'most'} {claim.aim:g}{verdict})"
        )
        lines.append(
            f"claim: {_named(claim.case)}{claim.what} = {_number(claim.value.median)}{aim}"
        )
    lines += [f"check: {check}" for check in result.checks]
    lines += [f"note: {note}" for note in result.notes]
    return lines


def _named(case: str) -> str:
    return f"{case}: " if case else ""


def _number(value: float) -> str:
    """Three significant digits, and no exponent for what a reader meets in a table."""
    if value == 0 or not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}"
    digits = max(0, 2 - int(f"{abs(value):e}".partition("e")[2]))
    return f"{value:,.{digits}f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    used = [column for column in range(len(rows[0])) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in used}
    return [
        "  ".join(row[column].ljust(widths[column]) for column in used).rstrip() for row in rows
    ]
