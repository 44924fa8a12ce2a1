"""Why a training ended early."""

import signal
from collections.abc import Sequence


class TrainingFailed(Exception):
    """A training cannot go on, through no fault of its input; `cornernet` exits with 1."""


class NonFinite(TrainingFailed):
    """A loss term, or a weight, is not a number or infinite."""

    def __init__(self, terms: Sequence[str], iteration: int) -> None:
        self.terms = tuple(terms)
        self.iteration = iteration
        super().__init__(
            f"iteration {iteration}: not finite: {', '.join(terms)}; "
            "the last checkpoint is from before (a lower train.learning_rate may help)"
        )


class Interrupted(TrainingFailed):
    """A signal asked the training to stop; a checkpoint was saved first."""

    def __init__(self, number: int, iteration: int) -> None:
        self.signal = signal.Signals(number)
        self.iteration = iteration
        super().__init__(
            f"stopped by {self.signal.name} after iteration {iteration}; a checkpoint is saved, "
            "the same command goes on from it"
        )
