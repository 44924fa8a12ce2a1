"""What is to be trained, what tells it from another training, and how it may end."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Any

from cornernet.config.schema import Params
from cornernet.progress import say

if TYPE_CHECKING:  # what commands import that need no torch
    from cornernet.data.sampling.samples import TrainingSamples
    from cornernet.model.network import CornerNet

# A fingerprint is a tree of plain values, such as {"params": {"train": {"iterations": 900, ...}},
# "code": {module: digest, ...}, "data": digest}.
Fingerprint = Mapping[str, Any]
Code = Mapping[str, str]  # digests of the modules that decide a training's numbers
# {"from": 0, "to": 120, "code": {module: digest}}: iterations 1 to 120, counted when they are done.
CodeSpan = dict[str, Any]
# Scores a network as it is, without changing it: {"AP": ..., "AP50": ...} in percent; None where
# they are undefined. Raises BadInput when it cannot.
Validate = Callable[["CornerNet"], Mapping[str, float | None]]

RUN = "run.json"  # beside the checkpoints: the key of the tracker's run, and the fingerprint


@dataclass(frozen=True)
class TrainedFiles:
    """Where the results go."""

    weights: Path
    state: Path
    history: Path


@dataclass(frozen=True)
class TrainingJob:
    """One model to train; picklable, for it is handed to every process.

    `params` are the variant's own. `fingerprint` has "params", "data" and "code": a checkpoint is
    gone on from if it was made with the same params and data; which code made which iterations is
    recorded. `description` is what the weights file says of itself. `validate` is called as
    `train.validate` says. `initial_state` is the `.state` of the finished training that this one
    continues. `resume` names a checkpoint to go on from, whatever the folder holds; `fresh` sets
    all checkpoints aside and starts anew.
    """

    params: Params
    num_categories: int
    seed: int
    samples: "TrainingSamples"
    checkpoints: Path
    outputs: TrainedFiles
    fingerprint: Fingerprint
    name: str
    description: Mapping[str, Any] | None = None
    validate: Validate | None = None
    initial_state: Path | None = None
    resume: Path | None = None
    fresh: bool = False

    def report(self, line: str) -> None:
        """Say what a user should know of this training."""
        say(f"{self.name}: {line}")


@dataclass(frozen=True)
class TrainingResult:
    """How a training went; `seconds` and `images_per_second` are those since the last start."""

    started_from: int  # iterations that were done before
    seconds: float
    images_per_second: float
    processes: int
    code_spans: list[CodeSpan]  # those of the training that this one continues come first


class TrainingFailed(Exception):
    """A training cannot go on, through no fault of its input; `cornernet` exits with 1."""


@dataclass(eq=False)
class NonFinite(TrainingFailed):
    """A loss, or a weight, is not a number or infinite."""

    losses: Sequence[str]
    iteration: int

    def __str__(self) -> str:
        return (
            f"iteration {self.iteration}: not finite: {', '.join(self.losses)}; "
            "the last checkpoint is from before (a lower train.learning_rate may help)"
        )


@dataclass(eq=False)
class Interrupted(TrainingFailed):
    """A signal asked the training to stop; a checkpoint was saved first."""

    signal: int
    iteration: int

    def __str__(self) -> str:
        return (
            f"stopped by {Signals(self.signal).name} after iteration {self.iteration}; the same "
            "command goes on from there"
        )


def plain(fingerprint: Fingerprint) -> dict[str, Any]:
    """A copy in JSON's types, so that one read back from a file equals the one that was written."""
    return dict(json.loads(json.dumps(fingerprint)))


def differences(made_with: Fingerprint, asked: Fingerprint) -> list[str]:
    """What forbids to go on, one line per key: "params.train.learning_rate: 0.001 -> 0.002".

    Other code does not: a training goes on, and records which code made which iterations.
    """
    old, new = (dict(_leaves(plain({**tree, "code": {}}))) for tree in (made_with, asked))
    return [
        f"{key}: {_text(old, key)} -> {_text(new, key)}"
        for key in sorted(old | new)
        if key not in old or key not in new or old[key] != new[key]
    ]


def changed_modules(before: Code, now: Code) -> list[str]:
    """Names of the modules that differ, came or went."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _leaves(tree: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def _text(leaves: Mapping[str, Any], key: str) -> str:
    value = leaves.get(key, "(none)")
    text = value if isinstance(value, str) else json.dumps(value)
    # Digests are told apart by their beginning.
    return f"{text[:12]}..." if len(text) > 40 and " " not in text else text
