"""A training's folder of checkpoints: the newest usable one, retention, what is set aside."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cornernet.errors import BadInput
from cornernet.files import remove_unfinished, replacing
from cornernet.training.fingerprint import Fingerprint, differences, plain, summary
from cornernet.training.set_aside import LOCK, set_aside
from cornernet.training.state import TrainingState, Unreadable, load_state, save_state

Report = Callable[[str], None]

RUN = "run.json"


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one trained model; the newest `keep` stay."""

    path: Path
    keep: int

    @property
    def history(self) -> Path:
        """The loss terms by iteration, beside the checkpoints that they belong to."""
        return self.path / "history.csv"

    def file(self, iteration: int) -> Path:
        return self.path / f"iteration-{iteration:08d}.pt"

    def all(self) -> list[Path]:
        """Every checkpoint, the newest first."""
        return sorted(self.path.glob("iteration-*.pt"), reverse=True)

    def save(self, state: TrainingState) -> Path:
        """Write a checkpoint, then remove those beyond the newest `keep`."""
        path = self.file(state.iteration)
        save_state(path, state)
        self.prune(self.keep)
        return path

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep`."""
        for path in self.all()[keep:]:
            path.unlink(missing_ok=True)

    def newest(self, fingerprint: Fingerprint, report: Report) -> tuple[Path, TrainingState] | None:
        """The newest checkpoint that can be read, if it was made with `fingerprint`.

        A damaged one is set aside and the one before it is tried. One made with something else
        sets the whole folder aside, and training starts anew. `report` is told of both.
        """
        for path in self.all():
            try:
                state = load_state(path)
            except Unreadable as error:
                target = self.path / f"{path.name}.damaged"
                path.replace(target)
                report(f"{path}: damaged ({error}), kept as {target.name}; trying the one before")
                continue
            different = differences(state.fingerprint, fingerprint)
            if not different:
                return path, state
            target = set_aside(self.path)
            report(
                f"{path.name} was made with something else ({summary(different)}): set aside in "
                f"{target}, training starts anew"
            )
            return None
        return None

    def remember_run(self, run_id: str | None, fingerprint: Fingerprint) -> None:
        """Keep the tracker's run id for a training that ends before its first checkpoint."""
        with replacing(self.path / RUN) as temporary:
            temporary.write_text(json.dumps({"run_id": run_id, "fingerprint": plain(fingerprint)}))

    def remembered_run(self, fingerprint: Fingerprint) -> str | None:
        """The run id that a training with this `fingerprint` kept, if any."""
        try:
            kept = json.loads((self.path / RUN).read_text())
        except (OSError, ValueError):
            return None
        return kept["run_id"] if kept.get("fingerprint") == plain(fingerprint) else None

    @contextmanager
    def locked(self, patience: float = 10.0) -> Iterator[None]:
        """Hold the folder for this process alone; freed by the system when the process is killed.

        Waits `patience` seconds for another process to end, then raises BadInput.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + patience
        with (self.path / LOCK).open("a") as stream:
            while True:
                try:
                    # A record lock: unlike flock's, worker processes do not inherit it.
                    fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise BadInput(
                            f"{self.path}: another process is training this model; wait for it, "
                            "or stop it first"
                        ) from None
                    time.sleep(0.2)
            remove_unfinished(self.path)
            yield


def explicit_checkpoint(path: Path, fingerprint: Fingerprint) -> TrainingState:
    """The checkpoint that the user named; BadInput unless it was made with `fingerprint`."""
    state = foreign_state(path, "--resume")
    different = differences(state.fingerprint, fingerprint)
    if different:
        raise BadInput(
            f"--resume {path}: made with something else ({summary(different)}); undo that, or "
            "leave --resume out to start anew"
        )
    return state


def foreign_state(path: Path, option: str) -> TrainingState:
    """The state in `path`, given as `option`. Raises BadInput when it is missing or damaged."""
    try:
        return load_state(path)
    except FileNotFoundError:
        raise BadInput(f"{option} {path}: no such file") from None
    except Unreadable as error:
        raise BadInput(
            f"{option} {path}: not a readable training state ({error}); name another one, or make "
            "it again"
        ) from error
