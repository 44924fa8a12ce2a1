"""The points of a run's curves: read from files of rows by iteration, and each sent once."""

import math
import time
from pathlib import Path
from typing import Any

from cornernet.training.history import COLUMNS, VALIDATION, VALIDATION_COLUMNS, read_history

POINTS_PER_REQUEST = 1000  # the most that MLflow takes
NO_LOSS = ("learning_rate", "images_per_second")

Point = tuple[str, int, float]  # metric, iteration, value


def read_points(path: Path) -> list[Point]:
    """The points of a history.csv or validation.csv, as far as whole rows are there.

    MLflow draws one section of curves per prefix of a metric's name.
    """
    is_validation = path.name == VALIDATION
    kind = "validation" if is_validation else "loss"
    points: list[Point] = []
    for row in read_history(path, VALIDATION_COLUMNS if is_validation else COLUMNS):
        iteration = int(row.pop("iteration"))
        for name, value in row.items():
            if math.isfinite(value):  # a score may be undefined
                points.append(
                    (f"{'training' if name in NO_LOSS else kind}/{name}", iteration, value)
                )
    return points


class Curves:
    """The curves of one run, as far as MLflow has them."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self._known: dict[str, set[int]] = {}  # iterations that MLflow has of each metric

    def send(self, points: list[Point], timestamp: int | None = None) -> None:
        """Send the points that MLflow lacks; `timestamp`: of all of them, default now.

        So a training that went back to a checkpoint, and repeats iterations, doubles none.
        """
        from mlflow.entities import Metric

        new = []
        for name, iteration, value in points:
            if name not in self._known:
                history = self._client.get_metric_history(self._run_id, name)
                self._known[name] = {point.step for point in history}
            if iteration not in self._known[name]:
                self._known[name].add(iteration)
                new.append(Metric(name, value, timestamp or int(time.time() * 1000), iteration))
        for start in range(0, len(new), POINTS_PER_REQUEST):
            some = new[start : start + POINTS_PER_REQUEST]
            self._client.log_batch(self._run_id, metrics=some)
