"""Where a training begins: at a checkpoint, at another training's end, at weights, or untrained."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cornernet.errors import BadInput, first_of
from cornernet.files import hash_file
from cornernet.model.losses import LossTerms
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.fine_tuning import state_from_weights
from cornernet.training.job import (
    Code,
    CodeSpan,
    TrainingJob,
    changed_modules,
    differences,
    plain,
)
from cornernet.training.state import TrainingState, Unreadable, load_state

# Sums of the losses since the last row of the history, and the count of iterations summed.
NOTHING_SUMMED = (0.0,) * (len(LossTerms._fields) + 1)


@dataclass(frozen=True)
class Start:
    """Where a training begins: the state file to go on from (none: untrained), and its facts."""

    path: Path | None = None
    iteration: int = 0
    window: tuple[float, ...] = NOTHING_SUMMED
    run_id: str | None = None
    code_spans: tuple[CodeSpan, ...] = ()

    def spans_until(self, iteration: int, code: Code) -> list[CodeSpan]:
        """The spans up to here, and the iterations from here to `iteration`, which `code` made.

        Neighbours with the same code are one span.
        """
        spans, start = list(self.code_spans), self.iteration
        if iteration > start:
            if spans and spans[-1]["code"] == code:
                start = spans.pop()["from"]
            spans.append({"from": start, "to": iteration, "code": code})
        # Through JSON, so that equal spans are pickled as the same bytes, read from a file or not.
        return list(json.loads(json.dumps(spans)))


def complete_fingerprint(job: TrainingJob) -> dict[str, Any]:
    """`job.fingerprint`, and what else decides the weights: the seed and the initial state."""
    fingerprint = {**job.fingerprint, "seed": job.seed, "categories": job.num_categories}
    if (path := job.initial_state) is not None:
        if not path.is_file():
            raise BadInput(f"{path}: missing; train the model that this one continues")
        fingerprint["initial_state"] = hash_file(path).sha256
    return fingerprint


def find_start(job: TrainingJob, folder: CheckpointFolder) -> Start:
    """Where to begin: the checkpoint that was named, the newest usable one, the initial state.

    Or, as a checkpoint of iteration 0, the weights of `train.init`. Raises BadInput for what was
    named and cannot be gone on from.
    """
    fingerprint = job.fingerprint
    if job.resume is not None:
        if job.fresh:
            raise BadInput("--fresh and --resume exclude each other: leave one of them out")
        state = given_state(job.resume, "--resume")
        if different := differences(state.fingerprint, fingerprint):
            raise BadInput(
                f"--resume {job.resume}: made with something else ({first_of(different)}); undo "
                "that, or leave --resume out to start again"
            )
        folder.set_later_aside(state.iteration)
        return _going_on(job, job.resume, state)
    if job.fresh:
        folder.set_aside("--fresh")
    newest = folder.newest(fingerprint)
    if newest is not None:
        path, state = newest
        note = folder.note()
        # The last checkpoint would give the weights of the old code as those of the new.
        changed = changed_modules(note["fingerprint"]["code"], fingerprint["code"])
        if not (note["finished"] and changed):
            return _going_on(job, path, state)
        folder.set_aside(f"the training was finished, then {first_of(changed)} changed")
    if job.initial_state is not None:
        state = given_state(job.initial_state, "continues")
        if state.iteration >= job.params.train.iterations:
            raise BadInput(
                f"{job.initial_state}: has {state.iteration} iterations already; "
                f"train.iterations must be more than that, not {job.params.train.iterations}"
            )
        job.report(f"continues {job.initial_state} from iteration {state.iteration}")
        return Start(job.initial_state, state.iteration, code_spans=tuple(state.code_spans))
    if job.params.train.init is not None:
        state = state_from_weights(job, Path(job.params.train.init))
        state = replace(state, window=NOTHING_SUMMED, fingerprint=plain(fingerprint))
        return Start(folder.save(state))
    return Start()


def newest_start(job: TrainingJob, start: Start) -> Start:
    """`start`, or a later checkpoint of this training, whose processes are started again."""
    folder = CheckpointFolder(job.checkpoints, 1, job.report)
    if not any(path.name > folder.file(start.iteration).name for path in folder.all()):
        return start
    newest = folder.newest(job.fingerprint)
    return start if newest is None else _going_on(job, *newest)


def _going_on(job: TrainingJob, path: Path, state: TrainingState) -> Start:
    """The start from a checkpoint, told in a line, and in another which code has changed since."""
    spans = state.code_spans
    job.report(f"goes on from iteration {state.iteration} ({path.name})")
    if spans and (changed := changed_modules(spans[-1]["code"], job.fingerprint["code"])):
        job.report(
            f"note: {first_of(changed)} changed since iteration {state.iteration}: goes on with "
            "the code as it is now; `--fresh` starts again"
        )
    return Start(path, state.iteration, state.window, state.run_id, tuple(spans))


def given_state(path: Path, option: str) -> TrainingState:
    """The state in `path`, given as `option`. Raises BadInput when it is missing or damaged."""
    try:
        return load_state(path)
    except (FileNotFoundError, Unreadable) as error:
        why = "no such file" if isinstance(error, FileNotFoundError) else f"damaged ({error})"
        raise BadInput(f"{option} {path}: {why}; name another one, or make it again") from error
