"""A training's folder of checkpoints: the newest usable one, retention, what is set aside."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.errors import first_of
from cornernet.files import locked, remove_unfinished, write_json
from cornernet.progress import say
from cornernet.training.job import RUN, Fingerprint, differences, plain
from cornernet.training.state import TrainingState, Unreadable, load_state, save_state

LOCK = ".lock"


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one trained model; the newest `keep` stay."""

    path: Path
    keep: int
    report: Callable[[str], None] = say  # is told what is damaged, and what is set aside

    def file(self, iteration: int) -> Path:
        """Where the checkpoint of an iteration lies."""
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

    def newest(self, fingerprint: Fingerprint) -> tuple[Path, TrainingState] | None:
        """The newest checkpoint that can be read, if its params and data are `fingerprint`'s.

        A damaged one is set aside and the one before it is tried. One made with other params or
        data sets the whole folder aside, and training starts anew.
        """
        for path in self.all():
            try:
                state = load_state(path)
            except Unreadable as error:
                target = self.path / f"{path.name}.damaged"
                path.replace(target)
                self.report(
                    f"note: {path}: damaged ({error}), kept as {target.name}; trying the one before"
                )
                continue
            different = differences(state.fingerprint, fingerprint)
            if not different:
                return path, state
            self.set_aside(f"{path.name} was made with something else ({first_of(different)})")
            return None
        return None

    def set_aside(self, why: str) -> None:
        """Move every file into a new `set-aside-<n>` within the folder; nothing is deleted."""
        files = [path for path in self.path.iterdir() if path.is_file() and path.name != LOCK]
        if files:
            self.report(f"note: {why}: set aside in {self._moved(files)}, training starts again")

    def set_later_aside(self, iteration: int) -> None:
        """The same for the checkpoints after `iteration`, from which another past goes on."""
        later = [path for path in self.all() if path.name > self.file(iteration).name]
        if later:
            moved = self._moved(later)
            self.report(f"note: checkpoints after iteration {iteration}: set aside in {moved}")

    def _moved(self, files: list[Path]) -> Path:
        number = 1
        while (target := self.path / f"set-aside-{number}").exists():
            number += 1
        target.mkdir()
        for path in files:
            os.replace(path, target / path.name)
        return target

    def write_note(self, run_id: str | None, fingerprint: Fingerprint, finished: bool) -> None:
        """Keep the tracker's run id, and whether the results of this training were written."""
        note = {"run_id": run_id, "fingerprint": plain(fingerprint), "finished": finished}
        write_json(self.path / RUN, note)

    def note(self) -> dict[str, Any]:
        """What `write_note` wrote last; of no training if there is nothing, or it is damaged."""
        nothing: dict[str, Any] = {"run_id": None, "fingerprint": {"code": {}}, "finished": False}
        try:
            return nothing | json.loads((self.path / RUN).read_text())
        except (OSError, ValueError):
            return nothing

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone; freed by the system when the process is killed.

        Waits for another process that trains the model, as one does whose workflow engine was
        killed: what it leaves in the folder is gone on from, to the result if it has finished.
        """

        def on_wait(holder: str) -> None:
            say(f"{self.path}: {holder} is training this model; waiting for its end")

        with locked(self.path / LOCK, on_wait) as alone:
            if not alone:
                say(f"{self.path}: no locks on this file system; train this model once at a time")
            remove_unfinished(self.path)
            yield
