"""Where the numbers of the page come from: the jobs of the pipeline, and how each made its files.

Every number is a link to the place of the job that made it; from there links lead on to the jobs
whose files that one took.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cornernet.reporting.tables.formats import EN_DASH
from cornernet.training.job import changed_modules


@dataclass(frozen=True)
class Origin:
    """One job, and how its files were made."""

    place: str  # its #id on the page; jobs of one test with several seeds share it
    job: str  # such as "evaluate-baseline-s0-val-single_scale"
    command: str
    files: tuple[str, ...]
    sources: tuple[str, ...]  # the places of jobs whose files it took
    record: Mapping[str, Any]  # its provenance, as it was written
    run: str = ""  # MLflow's id of the model's run

    @property
    def digests(self) -> Iterator[tuple[str, str]]:
        """Of the data that it read: "val: annotations" and the digest, and so on."""
        for split, digests in self.record.get("data", {}).items():
            if isinstance(digests, Mapping):
                yield from ((f"{split}: {name}", str(value)) for name, value in digests.items())


def models(origins: Sequence[Origin]) -> list[dict[str, str]]:
    """One row per trained model: its place, commit, hardware, hours, run; – where unknown."""
    rows = []
    for origin in origins:
        made = origin.record
        if made.get("stage") != "train":
            continue
        used, device = _devices(made)
        hours = device_hours(made)
        row = {
            "model": origin.job.removeprefix("train-"),
            "commit": str(made.get("commit") or "")[:12],
            "hardware": f"{used} x {device}" if device else "",
            "hours": "" if hours is None else f"{hours:,.1f}" if hours >= 0.1 else f"{hours:.3f}",
            "run": origin.run,
            "page": str(made.get("mlflow_page") or ""),
        }
        rows.append({key: text or EN_DASH for key, text in row.items()} | {"place": origin.place})
    return rows


def _devices(made: Mapping[str, Any]) -> tuple[int, str]:
    """How many devices a training used, and which."""
    hardware = made.get("hardware") or {}
    devices = hardware.get("gpus") or [hardware.get("processor") or ""]
    return len(made.get("devices") or [""]), devices[0]


def device_hours(made: Mapping[str, Any]) -> float | None:
    """The time of a job's run times its devices, in hours; None where it is not recorded."""
    return made["seconds"] * _devices(made)[0] / 3600 if "seconds" in made else None


def by_span(made: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance record, with the code of each span of iterations under a name of its own."""
    spans = {f"code of {_iterations(span)}": span["code"] for span in made.get("code_spans", ())}
    return {key: value for key, value in made.items() if key != "code_spans"} | spans


def code_changes(made: Mapping[str, Any]) -> list[dict[str, str]]:
    """The spans of iterations of a training whose code changed under way, and what changed.

    One row per span; none for a training that ran to its end with one code. A module changed if
    its digest is another one than in the span before, or stands in one of the two alone.
    """
    spans = list(made.get("code_spans", ()))
    if len(spans) < 2:
        return []
    rows = [{"iterations": _iterations(spans[0]), "changed": "the first code"}]
    for before, span in pairwise(spans):
        modules = changed_modules(before["code"], span["code"])
        rows.append({"iterations": _iterations(span), "changed": ", ".join(modules) or "nothing"})
    return rows


def _iterations(span: Mapping[str, Any]) -> str:
    return f"iterations {span['from']} to {span['to']}"
