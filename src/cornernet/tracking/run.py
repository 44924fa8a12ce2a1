"""One run of the tracker: a trained model, and all that is known of it."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cornernet.tracking.curve import Curve
from cornernet.tracking.server import Say, Server, line
from cornernet.tracking.server import say as say_on_stderr

PARAMS_A_REQUEST = 100  # the most that MLflow takes, of tags too
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
LONGEST_DIGEST = 36


class Run:
    """A run, or, where there is no tracker, one that keeps nothing.

    No method raises because of the tracker: what goes wrong is said once.
    """

    def __init__(self, server: Server | None, run_id: str | None, say: Say = say_on_stderr) -> None:
        self._server = server if run_id is not None else None
        self._run_id = run_id
        self._say = say
        self._said = False
        self._curve = None if self._server is None else Curve(self._server.client, str(run_id), say)

    @property
    def run_id(self) -> str | None:
        """The tracker's id, to be kept in checkpoints and provenance; None without a tracker."""
        return self._run_id

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """The metrics of an iteration, as points of curves; returns at once."""
        if self._curve is not None:
            self._curve.add(iteration, metrics)

    def log_metrics(self, metrics: Mapping[str, float | None]) -> None:
        """Results of the whole training, such as AP; undefined ones (None) are left out.

        A value that the run has already is not logged twice.
        """
        self._attempt(lambda client: self._log_metrics(client, metrics))

    def _log_metrics(self, client: Any, metrics: Mapping[str, float | None]) -> None:
        from mlflow.entities import Metric

        known = client.get_run(self._run_id).data.metrics
        now = _milliseconds()
        new = [
            Metric(name, float(value), now, 0)
            for name, value in metrics.items()
            if value is not None and known.get(name) != float(value)
        ]
        if new:
            client.log_batch(self._run_id, metrics=new)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Params by dotted name, those that the run does not have yet (they cannot change)."""
        from_tree = {name: str(value)[:LONGEST_PARAM] for name, value in flat(params).items()}
        self._attempt(lambda client: self._log_params(client, from_tree))

    def _log_params(self, client: Any, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        known = client.get_run(self._run_id).data.params
        new = [Param(name, value) for name, value in params.items() if name not in known]
        for some in _slices(new):
            client.log_batch(self._run_id, params=some)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; those of the value None are left out."""
        self._attempt(lambda client: self._set_tags(client, tags))

    def _set_tags(self, client: Any, tags: Mapping[str, Any]) -> None:
        from mlflow.entities import RunTag

        kept = [RunTag(k, str(v)[:LONGEST_TAG]) for k, v in tags.items() if v is not None]
        for some in _slices(kept):
            client.log_batch(self._run_id, tags=some)

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A copy of a file, in a folder of the run's artifacts."""
        self._attempt(lambda client: client.log_artifact(self._run_id, str(path), folder))

    def log_dataset(self, name: str, digest: str, source: Mapping[str, Any], context: str) -> None:
        """The data set that the model was trained or tested on (`context`), by its digest."""
        self._attempt(lambda client: self._log_dataset(client, name, digest, source, context))

    def _log_dataset(
        self, client: Any, name: str, digest: str, source: Mapping[str, Any], context: str
    ) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(name, digest[:LONGEST_DIGEST], "local", json.dumps(dict(source)))
        entry = DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
        client.log_inputs(self._run_id, datasets=[entry])

    def catch_up(self, rows: Iterable[Mapping[str, float]] = ()) -> bool:
        """Send what the server lacks of a history (rows with `iteration`), in order and once.

        Waits until all is sent; returns whether it was. `log` may not be called afterwards.
        """
        if self._curve is None:
            return False
        return self._curve.close(
            (
                int(row["iteration"]),
                {name: value for name, value in row.items() if name != "iteration"},
            )
            for row in rows
        )

    def finish(self, status: str = "FINISHED", rows: Iterable[Mapping[str, float]] = ()) -> None:
        """Send what is left and end the run; `status`: FINISHED, FAILED or KILLED."""
        self.catch_up(rows)
        self._attempt(lambda client: client.set_terminated(self._run_id, status))

    def _attempt(self, call: Callable[[Any], None]) -> None:
        if self._server is None:
            return
        try:
            call(self._server.client)
        except Exception as error:  # whatever it is, what is being tracked goes on
            if not self._said:
                self._said = True
                self._say(f"not everything was logged ({line(error)})")


def flat(tree: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """A tree of sections as "section.key" names; lists stay values."""
    result: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            result.update(flat(value, f"{where}{key}."))
        else:
            result[f"{where}{key}"] = value
    return result


def _slices(items: list[Any]) -> Iterable[list[Any]]:
    return (
        items[start : start + PARAMS_A_REQUEST] for start in range(0, len(items), PARAMS_A_REQUEST)
    )


def _milliseconds() -> int:
    return int(time.time() * 1000)
