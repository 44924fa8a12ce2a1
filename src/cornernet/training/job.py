"""What is to be trained, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cornernet.config.schema import Params
from cornernet.training.fingerprint import CodeSpan, Fingerprint

# Called with an iteration and its history row (without `iteration`) each `train.log_every`.
OnLog = Callable[[int, dict[str, float]], None]
# Called once before the first iteration, with the iterations done and the tracker's run id that the
# checkpoint holds; returns the run id to keep in checkpoints.
OnStart = Callable[[int, str | None], str | None]


@dataclass(frozen=True)
class TrainingJob:
    """One model to train.

    `params` are the variant's own. `fingerprint` has "params", "data" and "code": a checkpoint is
    gone on from if it was made with the same params and data; which code made which iterations is
    recorded. `initial_state` is the `.state` of the finished training that this one continues.
    `resume` names a checkpoint to go on from, whatever the folder holds; `fresh` sets all
    checkpoints aside and starts anew. `devices`: at most one per chunk is used.
    """

    params: Params
    num_categories: int
    seed: int
    checkpoints: Path
    fingerprint: Fingerprint
    name: str
    initial_state: Path | None = None
    resume: Path | None = None
    devices: tuple[str, ...] = ("cpu",)
    fresh: bool = False


@dataclass(frozen=True)
class TrainedFiles:
    """Where the results go."""

    weights: Path
    state: Path
    history: Path


@dataclass(frozen=True)
class TrainingResult:
    """How a training went; `seconds` and `images_per_second` are those of this call alone."""

    iterations: int
    started_from: int  # iterations that were done before
    seconds: float
    images_per_second: float
    devices: tuple[str, ...]
    run_id: str | None
    code_spans: list[CodeSpan]  # those of the training that this one continues come first
