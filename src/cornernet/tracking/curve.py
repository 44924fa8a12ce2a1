"""The points of a run's curves: what they are called, and how each is sent once."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cornernet.training.history import read_history

POINTS_PER_REQUEST = 1000  # the most that MLflow takes
NO_LOSS = ("learning_rate", "images_per_second")

Row = tuple[int, int, Mapping[str, float]]  # iteration, time in milliseconds, value by metric


def curve_name(column: str) -> str:
    """What a column of the history is called in the tracker, which draws one section per prefix."""
    return f"training/{column}" if column in NO_LOSS else f"loss/{column}"


def history_rows(path: Path, time: int) -> list[Row]:
    """The rows of a history file, which are given that time."""
    return [
        (int(row.pop("iteration")), time, {curve_name(name): value for name, value in row.items()})
        for row in read_history(path)
    ]


class Curves:
    """The curves of one run, as far as the tracker has them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, set[int]] = {}  # iterations that the tracker has of each metric

    def send(self, run_id: str, rows: Iterable[Row]) -> None:
        """Send the points that the tracker lacks.

        So a resumed training, which repeats some iterations, doubles none.
        """
        from mlflow.entities import Metric

        new = []
        for iteration, time, row in rows:
            for name, value in row.items():
                known = self._iterations(run_id, name)
                if iteration not in known:
                    known.add(iteration)
                    new.append(Metric(name, value, time, iteration))
        for start in range(0, len(new), POINTS_PER_REQUEST):
            self._client.log_batch(run_id, metrics=new[start : start + POINTS_PER_REQUEST])

    def _iterations(self, run_id: str, name: str) -> set[int]:
        if name not in self._known:
            history = self._client.get_metric_history(run_id, name)
            self._known[name] = {point.step for point in history}
        return self._known[name]
