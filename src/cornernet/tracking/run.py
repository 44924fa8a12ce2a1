"""One run of the tracker: a trained model, and all that is known of it."""

import importlib.util
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornernet.tracking.curve import curve_name
from cornernet.tracking.delivery import Delivery
from cornernet.tracking.journal import Journal
from cornernet.tracking.server import Attempts, Say, initialise
from cornernet.tracking.system import SystemMetrics

FLUSH_INTERVAL = 3.0  # seconds between two looks for what is to be sent
RETRY_INTERVAL = 60.0  # seconds to leave a tracker alone that did not answer
PATIENCE = 60.0  # seconds to wait at the end for another process that sends to the same run


class Run:
    """What a stage says of a model. It is written to the run's journal, and sent from there.

    No method raises because of the tracker, nor waits for it, but `send`, `close` and `finish`;
    these wait no longer than a tracker that is away takes to be known as such. A `with` block
    closes the run. `key` is our name of the run, to be kept in checkpoints and provenance; `run_id`
    the tracker's, None as long as the tracker has not been told of it.
    """

    def __init__(self, journal: Journal, folder: Path, say: Say) -> None:
        self.key = journal.key
        self.run_id: str | None = None
        self._journal, self._folder, self._say = journal, folder, say
        self._attempts = Attempts(folder, say)
        self._delivery: Delivery | None = None
        self._iteration = 0
        self._system = SystemMetrics()
        self._thread = threading.Thread(target=self._send_now_and_then, daemon=True)
        self._closing = threading.Event()
        self._sending = threading.Lock()

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        """A row of the history: points of curves, and what the machine did meanwhile."""
        metrics = {curve_name(name): float(value) for name, value in row.items()}
        self._iteration = iteration
        self._add_points(iteration, metrics | self._system.take())

    def log_metrics(self, metrics: Mapping[str, float | None]) -> None:
        """Results of the whole training, such as AP; undefined ones (None) are left out.

        A value that the run has already is not logged twice.
        """
        known = {name: float(value) for name, value in metrics.items() if value is not None}
        self._add("metrics", metrics=known, time=milliseconds())

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Params by dotted name, those that the run does not have yet (they cannot change)."""
        self._add("params", params={name: str(value) for name, value in flat(params).items()})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; those of the value None are left out."""
        kept = {name: str(value) for name, value in tags.items() if value is not None}
        self._add("tags", tags=kept)

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A copy of a file as it is now, in a folder of the run's artifacts."""
        if path.is_file():
            self._add("artifact", {path.name: path}, folder=folder)

    def log_dataset(self, name: str, digest: str, source: Mapping[str, Any], context: str) -> None:
        """The data set that the model was trained or tested on (`context`), by its digest."""
        self._add("dataset", name=name, digest=digest, source=dict(source), context=context)

    def log_history(self, path: Path) -> None:
        """A whole history, of which the tracker may lack some or all."""
        if path.is_file():
            self._add("curve", {path.name: path}, time=milliseconds())

    def log_model(
        self, name: str, digest: str, files: Mapping[str, Path], tags: Mapping[str, str]
    ) -> None:
        """The trained model, as a version of `name` in the registry, unless it is one already.

        `files`: what `served` reads, by the names that it reads them by. `digest` tells models
        apart. Nothing is kept where MLflow is not installed: a model is no measurement.
        """
        if importlib.util.find_spec("mlflow") is not None:
            self._add("model", files, name=name, digest=digest, tags=dict(tags))

    def begin(self) -> None:
        """Go on, or begin: the run is marked as running, its curves are sent as they grow."""
        self._add("status", status="RUNNING")
        self.send(patience=0)
        self._system.start()
        self._thread.start()

    def finish(self, status: str, history: Path | None = None) -> None:
        """End what was begun; `status`: FINISHED, FAILED or KILLED. Sends all that is left."""
        self._system.stop()
        if self._iteration:
            self._add_points(self._iteration, self._system.take(last=True))
        if history is not None:
            self.log_history(history)
        self._add("status", status=status, time=milliseconds())
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self.close()

    def mark_ended(self) -> None:
        """Note that the training is over, however it ended, if the run says that it goes on."""
        self._add("status", status="FINISHED", time=milliseconds())

    def close(self) -> None:
        """Send what is left, and forget the journal if that was all."""
        if self.send(PATIENCE):
            self._journal.remove_if_sent()

    def send(self, patience: float = PATIENCE) -> bool:
        """Send what there is; returns whether the tracker was reached. It is said once if not."""
        with self._sending:
            with self._attempts.attempt():
                if self._delivery is None:
                    server = initialise(self._journal.run["profile"], self._folder)
                    self._delivery = Delivery(server, self._journal, self._say)
                self._delivery.send(patience)
                self.run_id = self._delivery.run_id or self.run_id
                return True
            self._delivery = None  # perhaps the tracker's memory is no longer what it was
            return False

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _send_now_and_then(self) -> None:
        pause = FLUSH_INTERVAL
        while not self._closing.wait(pause):
            pause = FLUSH_INTERVAL if self.send(patience=0) else RETRY_INTERVAL

    def _add_points(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self._add("points", iteration=iteration, time=milliseconds(), metrics=dict(metrics))

    def _add(self, kind: str, files: Mapping[str, Path] | None = None, **what: Any) -> None:
        self._journal.append({"kind": kind, **what}, files)


def flat(tree: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """A tree of sections as "section.key" names; lists stay values."""
    result: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            result.update(flat(value, f"{where}{key}."))
        else:
            result[f"{where}{key}"] = value
    return result


def milliseconds() -> int:
    """The time as the tracker counts it."""
    return int(time.time() * 1000)
