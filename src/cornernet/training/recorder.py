"""What the first member does besides computing: history, log, validation, checkpoints, results."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from cornernet.errors import BadInput, bad_input_of
from cornernet.model.losses import LossTerms
from cornernet.model.weights import save_weights
from cornernet.progress import Progress, say
from cornernet.training import history
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.job import NonFinite, TrainingJob, plain
from cornernet.training.start import NOTHING_SUMMED, Start
from cornernet.training.state import TrainingState, capture, save_state
from cornernet.training.trainer import Trainer, learning_rate


class Recorder:
    """Keeps the records of a training.

    A row of the history has the mean of the losses over the iterations since the row before.
    `window` holds their sums, and the count. What fails is returned, to be told to all members.
    """

    def __init__(self, trainer: Trainer, job: TrainingJob, start: Start) -> None:
        self.trainer, self.job, self.start, self.window = trainer, job, start, start.window
        self.folder = CheckpointFolder(job.checkpoints, job.params.train.keep_checkpoints)
        self._last_row = time.monotonic(), trainer.iteration
        iterations = job.params.train.iterations
        self._progress = Progress(job.name, iterations, "iteration", initial=trainer.iteration)
        names = (history.HISTORY, history.VALIDATION)
        self._history, self._validation = (job.checkpoints / name for name in names)
        for path in (self._history, self._validation):
            history.start_history(path, trainer.iteration)

    def record(self, losses: Tensor) -> Exception | None:
        """Note an iteration that is done, and its losses: float64 [6]."""
        pairs = zip(self.window, [*losses.tolist(), 1.0], strict=True)
        self.window = tuple(total + term for total, term in pairs)
        self._show_progress()
        return self._failure_of(self._record)

    def finish(self) -> Exception | None:
        """Write the results; before the last iteration, a checkpoint to go on from."""
        self._progress.close()
        if self.trainer.iteration == self.job.params.train.iterations:
            return self._failure_of(self._write_results)
        if self.folder.file(self.trainer.iteration).is_file():
            return None
        return self._failure_of(self._save_checkpoint)

    def _failure_of(self, work: Callable[[], None]) -> Exception | None:
        """What `work`, which may take long, fails with: a full disk, weights that are infinite."""
        try:
            with self.trainer.group.heartbeat.excused():
                work()
        except (BadInput, NonFinite) as error:
            return error
        except OSError as error:
            return bad_input_of(error)
        return None

    def _record(self) -> None:
        """What is due after the iteration: a row of the history, a validation, a checkpoint."""
        train, done = self.job.params.train, self.trainer.iteration
        if done % train.log_every == 0 or done == train.iterations:
            self._add_row()
        if train.validate.every and done % train.validate.every == 0:
            self._validate()
        if done % train.checkpoint_every == 0 or done == train.iterations:
            self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        """Save the present state, after the history that belongs to it."""
        if not all(bool(p.isfinite().all()) for p in self.trainer.model.parameters()):
            raise NonFinite(["weights"], self.trainer.iteration)
        history.flush_to_disk(self._history)
        fingerprint = plain(self.job.fingerprint)
        state = replace(self._state(), fingerprint=fingerprint, run_id=self.start.run_id)
        self.folder.save(state)

    def _state(self) -> TrainingState:
        """Without what differs between two runs of one training: same training, same bytes."""
        trainer = self.trainer
        spans = self.start.spans_until(trainer.iteration, self.job.fingerprint["code"])
        state = capture(trainer.model, trainer.optimizer, trainer.iteration)
        return replace(state, window=self.window, code_spans=spans)

    def _write_results(self) -> None:
        """Write weights, state and history; of the checkpoints the last one stays."""
        outputs = self.job.outputs
        save_weights(outputs.weights, self.trainer.model.state_dict(), self.job.description)
        save_state(outputs.state, self._state())
        history.write_history(outputs.history, history.read_history(self._history))
        self.folder.prune(1)

    def _show_progress(self) -> None:
        """Loss and images per second; tqdm's rate is a moving average over recent updates."""
        rate = self._progress.format_dict["rate"]  # iterations per second; None in the beginning
        shown = {"loss": f"{self.window[0] / self.window[-1]:.3f}"} if self.window[-1] else {}
        if rate:
            shown["images per second"] = f"{rate * sum(self.job.params.train.chunks):.1f}"
        self._progress.set_postfix(shown, refresh=False)
        iteration, iterations = self.trainer.iteration, self.job.params.train.iterations
        self._progress(iteration, iterations)
        if iteration == iterations:
            self._progress.refresh()  # a log ends with the last loss

    def _add_row(self) -> None:
        train, done = self.job.params.train, self.trainer.iteration
        now = time.monotonic()
        then, iteration_then = self._last_row
        images = (done - iteration_then) * sum(train.chunks)
        *sums, count = self.window
        row = {
            "iteration": done,
            "learning_rate": learning_rate(train, done - 1),
            **{name: total / count for name, total in zip(LossTerms._fields, sums, strict=True)},
            "images_per_second": round(images / max(now - then, 1e-9), 2),
        }
        history.append_row(self._history, row)
        self._last_row, self.window = (now, done), NOTHING_SUMMED

    def _validate(self) -> None:
        """Score the network as it is; the training goes on where that fails."""
        if self.job.validate is None:
            return
        name, done, random = self.job.name, self.trainer.iteration, torch.get_rng_state()
        try:
            scores = self.job.validate(self.trainer.model)
        except BadInput as error:
            say(f"{name}: iteration {done}: not validated: {error}")
            return
        finally:
            torch.set_rng_state(random)
        known = {name: math.nan if score is None else score for name, score in scores.items()}
        history.append_row(self._validation, {"iteration": done, **known})
        images = self.job.params.train.validate.images or "all"
        text = ", ".join(f"{key} {value:.1f}" for key, value in scores.items() if value is not None)
        say(f"{name}: iteration {done}: {text or 'AP undefined'} on {images} images of val")
