"""The points of a run's curves: what they are called, and how each is sent once and in order."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cornernet.training.history import read_history

POINTS_PER_REQUEST = 1000  # the most that MLflow takes
NO_LOSS = ("learning_rate", "images_per_second")

Row = tuple[int, int, Mapping[str, float]]  # iteration, time in milliseconds, value by metric
Point = tuple[int, int, str, float]


def curve_name(column: str) -> str:
    """What a column of the history is called in the tracker, which draws one section per prefix."""
    return f"training/{column}" if column in NO_LOSS else f"loss/{column}"


def history_rows(path: Path) -> list[tuple[int, dict[str, float]]]:
    """Iteration and metrics of each row of a history file."""
    return [
        (int(row.pop("iteration")), {curve_name(name): value for name, value in row.items()})
        for row in read_history(path)
    ]


class Curves:
    """The curves of one run, as far as the tracker has them."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self._last: dict[str, float] = {}  # last iteration that the tracker has of each metric

    def send(self, rows: Iterable[Row]) -> None:
        """Send the points beyond the last ones that the tracker has.

        So a resumed training, which repeats some iterations, doubles none.
        """
        points = [(step, t, name, value) for step, t, row in rows for name, value in row.items()]
        asked = {name for _, _, name, _ in points} - self._last.keys()
        self._last.update(
            {name: max(steps, default=-math.inf) for name, steps in self._steps(asked).items()}
        )
        for batch in _requests(self._beyond(points)):
            self._log(batch)

    def complete(self, rows: Iterable[tuple[int, Mapping[str, float]]], time: int) -> None:
        """Send those points of a whole history that the tracker lacks, whichever they are."""
        points = [(step, time, name, value) for step, row in rows for name, value in row.items()]
        steps = self._steps({name for _, _, name, _ in points})
        for batch in _requests([point for point in points if point[0] not in steps[point[2]]]):
            self._log(batch)

    def _beyond(self, points: Iterable[Point]) -> list[Point]:
        """The points after the last of their metric, each iteration once."""
        kept = []
        last = dict(self._last)
        for point in points:
            if point[0] > last[point[2]]:
                last[point[2]] = point[0]
                kept.append(point)
        return kept

    def _log(self, batch: list[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(name, value, time, step) for step, time, name, value in batch]
        self._client.log_batch(self._run_id, metrics=metrics)
        for step, _, name, _ in batch:
            self._last[name] = max(step, self._last.get(name, step))

    def _steps(self, names: set[str]) -> dict[str, set[int]]:
        """The iterations that the tracker has of each metric."""
        if not names:
            return {}
        known = self._client.get_run(self._run_id).data.metrics
        return {name: self._steps_of(name) if name in known else set() for name in names}

    def _steps_of(self, name: str) -> set[int]:
        return {point.step for point in self._client.get_metric_history(self._run_id, name)}


def _requests(points: list[Point]) -> Iterator[list[Point]]:
    """Batches that the tracker takes in one request, an iteration never cut in two."""
    batch: list[Point] = []
    start = 0
    while start < len(points):
        end = start
        while end < len(points) and points[end][0] == points[start][0]:
            end += 1
        if batch and len(batch) + end - start > POINTS_PER_REQUEST:
            yield batch
            batch = []
        batch = batch + points[start:end]
        start = end
    if batch:
        yield batch
