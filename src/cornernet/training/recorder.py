"""What the first process does besides computing: history, log, progress, checkpoints, results."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cornernet.model.losses import LossTerms
from cornernet.model.weights import save_weights
from cornernet.progress import Progress
from cornernet.training import history
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.errors import NonFinite
from cornernet.training.fingerprint import CodeSpan, Fingerprint, spans_until
from cornernet.training.job import OnLog, TrainedFiles
from cornernet.training.state import TrainingState, capture, save_state
from cornernet.training.step import learning_rate
from cornernet.training.trainer import Trainer

NOTHING_SUMMED = (0.0,) * (len(LossTerms._fields) + 1)


@dataclass
class Recorder:
    """Keeps the records of a training; `window` holds the sums since the last row, and the count.

    A row of the history has the mean of the loss terms over the iterations since the row before.
    `past_spans`: which code made the iterations before this start.
    """

    trainer: Trainer
    folder: CheckpointFolder
    fingerprint: Fingerprint
    past_spans: Sequence[CodeSpan]
    progress: Progress
    window: tuple[float, ...]
    run_id: str | None
    on_log: OnLog | None

    def __post_init__(self) -> None:
        self._start = self.trainer.iteration
        self._last_row = time.monotonic(), self._start
        history.start_history(self.folder.history, self._start)

    def record(self, terms: Tensor) -> None:
        """Note an iteration that is done, and the LossTerms known by now: float64 [n, 6]."""
        train, done = self.trainer.params.train, self.trainer.iteration
        sums = torch.tensor(self.window, dtype=torch.float64)
        for row in terms:
            sums = sums + torch.cat([row, torch.ones(1)])
        self.window = tuple(sums.tolist())
        self._show_progress()
        if done % train.log_every == 0 or done == train.iterations:
            self._add_row()
        if done % train.checkpoint_every == 0 or done == train.iterations:
            self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Save the present state, after the history that belongs to it."""
        model = self.trainer.model
        if not all(bool(p.isfinite().all()) for p in model.parameters()):
            raise NonFinite(["weights"], self.trainer.iteration)
        history.flush_to_disk(self.folder.history)
        self.folder.save(self.state())

    def state(self) -> TrainingState:
        """The present state."""
        trainer = self.trainer
        return capture(
            trainer.model,
            trainer.optimizer,
            trainer.iteration,
            self.window,
            self.fingerprint,
            self.run_id,
            self.code_spans(),
        )

    def code_spans(self) -> list[CodeSpan]:
        """Which code made which iterations up to the present one."""
        return spans_until(
            self.past_spans, self._start, self.trainer.iteration, self.fingerprint["code"]
        )

    def write_results(self, outputs: TrainedFiles) -> None:
        """Write weights, state and history; of the checkpoints the last one stays."""
        for path in (outputs.weights, outputs.state, outputs.history):
            path.parent.mkdir(parents=True, exist_ok=True)
        save_weights(outputs.weights, self.trainer.model)
        save_state(outputs.state, self.state().anonymous())
        history.write_history(outputs.history, history.read_history(self.folder.history))
        self.folder.prune(1)

    def _show_progress(self) -> None:
        """Loss and images per second; tqdm's rate is a moving average over recent updates."""
        rate = self.progress.format_dict["rate"]  # iterations per second; None in the beginning
        shown = {"loss": f"{self.window[0] / self.window[-1]:.3f}"} if self.window[-1] else {}
        if rate:
            images = rate * sum(self.trainer.params.train.chunks)
            shown["images per second"] = f"{images:.1f}"
        self.progress.set_postfix(shown, refresh=False)
        self.progress.show(self.trainer.iteration)
        if self.trainer.iteration == self.trainer.params.train.iterations:
            self.progress.refresh()  # a log ends with the last loss

    def _add_row(self) -> None:
        train, done = self.trainer.params.train, self.trainer.iteration
        now = time.monotonic()
        then, iteration_then = self._last_row
        images = (done - iteration_then) * sum(train.chunks)
        *sums, count = self.window
        row = {
            "learning_rate": learning_rate(train, done - 1),
            **{name: total / count for name, total in zip(LossTerms._fields, sums, strict=True)},
            "images_per_second": round(images / max(now - then, 1e-9), 2),
        }
        history.append_row(self.folder.history, {"iteration": done, **row})
        self._last_row, self.window = (now, done), NOTHING_SUMMED
        if self.on_log is not None:
            self.on_log(done, row)
