"""Where a training begins: at a checkpoint, where another training ended, or untrained."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.errors import BadInput
from cornernet.training.checkpoint import (
    CheckpointFolder,
    Report,
    explicit_checkpoint,
    foreign_state,
)
from cornernet.training.fingerprint import CodeSpan, changed_modules, summary
from cornernet.training.job import TrainingJob
from cornernet.training.recorder import NOTHING_SUMMED
from cornernet.training.state import TrainingState


@dataclass(frozen=True)
class Start:
    """Where a training begins: the state file to go on from (none: untrained), and its facts."""

    path: Path | None = None
    iteration: int = 0
    window: tuple[float, ...] = NOTHING_SUMMED
    run_id: str | None = None
    code_spans: tuple[CodeSpan, ...] = ()


def complete_fingerprint(job: TrainingJob) -> dict[str, Any]:
    """`job.fingerprint`, and what else decides the weights: the seed and the initial state."""
    fingerprint = {**job.fingerprint, "seed": job.seed, "categories": job.num_categories}
    if job.initial_state is not None:
        if not job.initial_state.is_file():
            raise BadInput(f"{job.initial_state}: missing; train the model that this one continues")
        with job.initial_state.open("rb") as stream:
            fingerprint["initial_state"] = hashlib.file_digest(stream, "sha256").hexdigest()
    return fingerprint


def find_start(
    job: TrainingJob, fingerprint: dict[str, Any], folder: CheckpointFolder, report: Report
) -> Start:
    """Where to begin: the checkpoint that was named, the newest usable one, the initial state.

    Raises BadInput for a named checkpoint or an initial state that cannot be gone on from.
    """
    if job.resume is not None:
        if job.fresh:
            raise BadInput("--fresh and --resume exclude each other: leave one of them out")
        state = explicit_checkpoint(job.resume, fingerprint)
        folder.set_later_aside(state.iteration, report)
        return _going_on(job.resume, state, fingerprint, report)
    if job.fresh:
        folder.set_aside("--fresh", report)
    newest = folder.newest(fingerprint, report)
    if newest is not None:
        path, state = newest
        changed = folder.changed_since_finished(fingerprint)
        if not changed:
            return _going_on(path, state, fingerprint, report)
        folder.set_aside(f"the training was finished, then {summary(changed)} changed", report)
    if job.initial_state is not None:
        state = foreign_state(job.initial_state, "continues")
        if state.iteration >= job.params.train.iterations:
            raise BadInput(
                f"{job.initial_state}: has {state.iteration} iterations already; "
                f"train.iterations must be more than that, not {job.params.train.iterations}"
            )
        report(f"continues {job.initial_state} from iteration {state.iteration}")
        return Start(job.initial_state, state.iteration, code_spans=tuple(state.code_spans))
    return Start()


def _going_on(
    path: Path, state: TrainingState, fingerprint: dict[str, Any], report: Report
) -> Start:
    """The start from a checkpoint, told in a line, and in another which code has changed since."""
    spans = state.code_spans
    report(f"goes on from iteration {state.iteration} ({path.name})")
    if spans and (changed := changed_modules(spans[-1]["code"], fingerprint["code"])):
        report(
            f"{summary(changed)} changed since iteration {state.iteration}: goes on with the code "
            "as it is now; `--fresh` starts anew"
        )
    return Start(path, state.iteration, state.window, state.run_id, tuple(spans))
