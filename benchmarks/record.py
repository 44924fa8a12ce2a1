"""What a benchmark found: a JSON file that grows with each measurement, and lines of text."""

import dataclasses
import platform
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import Settings, Window
from cornernet.files import write_json
from cornernet.pipeline.provenance import git_commit, hardware, versions


class Record:
    """The record of one benchmark, `<name>-<hardware>.json`.

    It is written after each measurement, so that a run that is cut off keeps what it had: it then
    lacks `"complete": true`. Each measurement is printed too.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        machine = hardware()
        gpu = machine["gpus"][0] if settings.device != "cpu" else None
        quick = "-quick" if settings.quick else ""  # never in the place of a measurement
        slug = hardware_slug(machine["processor"], machine["cores"], gpu)
        self.path = settings.out / f"{name}-{slug}{quick}.json"
        self._measurements: list[dict[str, Any]] = []
        self._lines: list[str] = []
        self._content: dict[str, Any] = {
            "benchmark": name,
            "command": " ".join(["python -m benchmarks", *map(portable, sys.argv[1:])]),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "hardware": machine,
            "device": settings.device,
            "threads": settings.threads,
            "quick": settings.quick,
            "python": platform.python_version(),
            "versions": {"commit": git_commit(), **versions()},
            "complete": False,
            "window": {},
            "checks": [],
            "notes": [],
            "sizes": {},
            "measurements": self._measurements,
        }

    def note(self, line: str) -> None:
        """What a reader must know, such as what stood in for what."""
        self._content["notes"].append(line)
        self._lines.append(f"note: {line}")

    def check(self, line: str) -> None:
        """How two forms were seen to compute the same."""
        self._content["checks"].append(line)
        self._lines.append(f"check: {line}")

    def window(self, window: Window) -> None:
        """How long each measurement is repeated."""
        self._content["window"] = dataclasses.asdict(window)

    def sizes(self, **sizes: Any) -> None:
        """Sizes of the input."""
        self._content["sizes"].update(sizes)

    def add(
        self, what: str, form: str, values: Sequence[float], unit: str, precision: str = ""
    ) -> None:
        """Keep one measurement: its median and quartiles over the rounds.

        `form` is "ours", a precision, or what the baseline is.
        """
        low, median, high = np.quantile(np.asarray(values, np.float64), (0.25, 0.5, 0.75)).tolist()
        line = f"{what}, {form}{f' ({precision})' if precision else ''}: {median:,.4g} {unit}"
        line += f" ({low:,.4g} to {high:,.4g})"
        found = {
            "what": what,
            "form": form,
            "median": median,
            "low": low,
            "high": high,
            "unit": unit,
            "rounds": len(values),
            "precision": precision,
        }
        self._measurements.append(found)
        print(line, flush=True)
        write_json(self.path, self._content)

    def finish(self) -> None:
        """Mark the record as complete; print its checks, its notes and its path."""
        write_json(self.path, self._content | {"complete": True})
        print("\n".join([*self._lines, f"written: {self.path}"]), flush=True)


def hardware_slug(processor: str, cores: int, gpu: str | None) -> str:
    """The hardware as a part of a file's name: the GPU, or else the processor and its cores.

    "AMD EPYC 9B14 96-Core Processor", 2 cores -> amd-epyc-9b14-2-cores
    """
    generic = r"\(R\)|\(TM\)|@.*|\b\d+-Core\b|\bProcessor\b|\bCPU\b"
    name = gpu or re.sub(generic, " ", processor)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unknown"
    return slug if gpu else f"{slug}-{cores}-core{'s' if cores != 1 else ''}"


def portable(word: str) -> str:
    """A word of a command; of an absolute path, which only this machine has, its name alone."""
    return Path(word).name if Path(word).is_absolute() else word
