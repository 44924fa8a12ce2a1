"""Sends the points of a run's curves in the background, in order and each once."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cornernet.tracking.server import Say, line

FLUSH_INTERVAL = 3.0  # seconds between two batches
RETRY_INTERVAL = 60.0  # seconds to leave a server alone that did not answer
BATCH = 1000  # points in one request, the most that MLflow takes

Point = tuple[int, float, str, float]  # iteration, time in seconds, metric, value


class Curve:
    """The curves of one run. `add` returns at once; a thread of its own sends.

    Only points beyond the last one that the server has of a metric are sent, so that a resumed
    training, which repeats some iterations, doubles none.
    """

    def __init__(self, client: Any, run_id: str, say: Say) -> None:
        self._client, self._run_id, self._say = client, run_id, say
        self._waiting: list[Point] = []
        self._last: dict[str, int] = {}  # last iteration that the server has of each metric
        self._lock = threading.Condition()
        self._closing = False
        self._failed = False
        self._thread: threading.Thread | None = None

    def add(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Put the points of an iteration in line."""
        now = time.time()
        with self._lock:
            self._waiting += [(iteration, now, name, value) for name, value in metrics.items()]
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_now_and_then, daemon=True)
                self._thread.start()

    def close(self, rows: Iterable[tuple[int, Mapping[str, float]]] = ()) -> bool:
        """Send what waits, then what `rows` (the whole history) have beyond that.

        Returns whether the server has it all.
        """
        with self._lock:
            self._closing = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join()
        now = time.time()
        points = [(i, now, name, value) for i, row in rows for name, value in row.items()]
        return self._try(self._waiting) and self._try(points)

    def _send_now_and_then(self) -> None:
        pause = FLUSH_INTERVAL
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._closing, timeout=pause)
                if self._closing:
                    return
                points = list(self._waiting)
            if self._try(points):
                pause = FLUSH_INTERVAL
                with self._lock:
                    del self._waiting[: len(points)]
            else:
                pause = RETRY_INTERVAL

    def _try(self, points: list[Point]) -> bool:
        """Send `points`; on failure say so once, and ask the server again where it stands."""
        try:
            self._send(points)
            return True
        except Exception as error:  # whatever it is, what is being tracked goes on
            self._last = {}
            if not self._failed:
                self._failed = True
                self._say(f"not reached, going on without ({line(error)})")
            return False

    def _send(self, points: list[Point]) -> None:
        from mlflow.entities import Metric

        last = self._last
        last.update(self._ask({name for _, _, name, _ in points} - last.keys()))
        new = [point for point in points if point[0] > last[point[2]]]
        for batch in _whole_iterations(new):
            metrics = [Metric(name, value, int(t * 1000), step) for step, t, name, value in batch]
            self._client.log_batch(self._run_id, metrics=metrics)
            for step, _, name, _ in batch:
                last[name] = step

    def _ask(self, names: set[str]) -> dict[str, int]:
        """The last iteration that the server has of each metric; -1: none."""
        if not names:
            return {}
        known = self._client.get_run(self._run_id).data.metrics
        return {name: self._last_of(name) if name in known else -1 for name in names}

    def _last_of(self, name: str) -> int:
        return max(point.step for point in self._client.get_metric_history(self._run_id, name))


def _whole_iterations(points: list[Point]) -> Iterator[list[Point]]:
    """Batches that the server takes in one request, an iteration never cut in two."""
    batch: list[Point] = []
    start = 0
    while start < len(points):
        end = start
        while end < len(points) and points[end][0] == points[start][0]:
            end += 1
        if batch and len(batch) + end - start > BATCH:
            yield batch
            batch = []
        batch = batch + points[start:end]
        start = end
    if batch:
        yield batch
