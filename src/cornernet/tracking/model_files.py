"""What the files on disk say of one trained model, as the tracker is to know it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Registered:
    """The model as a version of `name` in the registry; `digest` tells versions apart."""

    name: str
    digest: str
    weights: Path
    settings: Mapping[str, Any]  # what `cornernet.detection.served` needs besides the weights
    picture: Path | None  # an image of the data set, to show what the model takes


@dataclass(frozen=True)
class ModelFiles:
    """One trained model and its files, which need not all be there.

    `key` is our own name of its run, known before MLflow gave it an id. `status` is None while the
    training goes on, else FINISHED, FAILED or KILLED. Times are milliseconds since 1970.
    """

    profile: str
    variant: str
    seed: int
    key: str
    params: Mapping[str, Any] = field(default_factory=dict)  # may be a tree of sections
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: tuple[str, str, Mapping[str, Any]] | None = None  # name, digest, source
    curves: tuple[Path, ...] = ()  # history.csv, validation.csv
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: tuple[tuple[Path, str | None], ...] = ()  # each with its folder in the run
    registered: Registered | None = None
    status: str | None = None
    began: int | None = None
    ended: int | None = None
