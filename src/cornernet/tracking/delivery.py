"""Tells the tracker what stands in a journal: in order, and each thing once.

Whatever of an entry the tracker has already is left out, so that an entry whose answer was lost may
be sent again.
"""

import json
from collections.abc import Callable, Iterable
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from cornernet.tracking.curve import Curves, history_rows
from cornernet.tracking.journal import Entry, Journal
from cornernet.tracking.registry import MODEL_ID, log_model, tag_version
from cornernet.tracking.server import Say, Server, in_one_line

AT_ONCE = 500  # entries that are read from the journal at a time
ITEMS_PER_REQUEST = 100  # the most params, or tags, that MLflow takes
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
LONGEST_DIGEST = 36
# Tags of a run
RUN_KEY = "run_key"  # our name of it, known before the tracker gave it an id
ITERATIONS = "iterations"  # how far its curves are known to be whole
# Answers of a tracker that is there and will never take the entry: it is said, and left out.
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS")


class Delivery:
    """Sends journals of one run over one connection; remembers how far the curves are there."""

    def __init__(self, server: Server, journal: Journal, say: Say) -> None:
        self._server, self._client, self._journal, self._say = server, server.client, journal, say
        self.run_id: str | None = None
        self._curves: Curves | None = None

    def send(self, patience: float) -> int:
        """Send all that is unsent; returns how many entries that were.

        Waits up to `patience` seconds for another process that is sending the same journal. Raises
        what MLflow raises when it cannot be reached; what was not sent stays in the journal.
        """
        count = 0
        with self._journal.sending(patience) as mine:
            if not mine:
                return 0
            try:
                run_id = self._resolved()
                unsent = self._journal.unsent()
                while entries := list(islice(unsent, AT_ONCE)):
                    self._send(run_id, entries)
                    count += len(entries)
            except Exception:  # perhaps the tracker's memory is no longer what it was
                self.run_id = self._curves = None
                raise
        return count

    def _resolved(self) -> str:
        if self.run_id is None:
            self.run_id = resolve(self._server, self._journal.key, self._journal.run)
            self._curves = Curves(self._client, self.run_id)
        return self.run_id

    def _send(self, run_id: str, entries: list[tuple[Entry, int]]) -> None:
        """Send entries, points that follow each other together; note each time how far it came.

        The note of the last entry must be the last thing written: the journal may then be removed.
        """
        assert self._curves is not None
        for are_points, group in groupby(entries, lambda item: item[0]["kind"] == "points"):
            if are_points:
                points = list(group)
                self._curves.send([(p["iteration"], p["time"], p["metrics"]) for p, _ in points])
                self._journal.sent(points[-1][1])
                continue
            for entry, position in group:
                self._attempt(run_id, entry)
                self._journal.sent(position)
                if "files" in entry:
                    self._journal.discard(entry["files"])

    def _attempt(self, run_id: str, entry: Entry) -> None:
        try:
            _KINDS[entry["kind"]](self, run_id, entry)
        except FileNotFoundError as error:
            self._say(f"{self._journal.key}: {entry['kind']} left out ({in_one_line(error)})")
        except Exception as error:
            if getattr(error, "error_code", None) not in REFUSALS:
                raise
            self._say(f"{self._journal.key}: {entry['kind']} refused ({in_one_line(error)})")

    def _params(self, run_id: str, entry: Entry) -> None:
        from mlflow.entities import Param

        known = self._client.get_run(run_id).data.params
        new = [
            Param(name, value[:LONGEST_PARAM])
            for name, value in entry["params"].items()
            if name not in known
        ]
        for some in _slices(new):
            self._client.log_batch(run_id, params=some)

    def _tags(self, run_id: str, entry: Entry) -> None:
        from mlflow.entities import RunTag

        known = self._client.get_run(run_id).data.tags if entry.get("only_new") else {}
        new = [RunTag(k, v[:LONGEST_TAG]) for k, v in entry["tags"].items() if k not in known]
        for some in _slices(new):
            self._client.log_batch(run_id, tags=some)

    def _metrics(self, run_id: str, entry: Entry) -> None:
        """Metrics of the whole training: on the run, and on the model that was logged of it."""
        data = self._client.get_run(run_id).data
        new = {k: v for k, v in entry["metrics"].items() if data.metrics.get(k) != v}
        model_id = data.tags.get(MODEL_ID)
        try:
            self._log_metrics(run_id, new, entry["time"], model_id)
        except Exception as error:
            if model_id is None or getattr(error, "error_code", None) not in REFUSALS:
                raise
            self._log_metrics(run_id, new, entry["time"], None)  # someone deleted the model
        tag_version(self._client, data.tags, entry["metrics"])

    def _log_metrics(
        self, run_id: str, metrics: dict[str, float], time: int, model_id: str | None
    ) -> None:
        from mlflow.entities import Metric

        new = [
            Metric(name, value, time, 0, model_id=model_id, run_id=run_id)
            for name, value in metrics.items()
        ]
        if new:
            self._client.log_batch(run_id, metrics=new)

    def _dataset(self, run_id: str, entry: Entry) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps(entry["source"])
        dataset = Dataset(entry["name"], entry["digest"][:LONGEST_DIGEST], "local", source)
        tag = InputTag("mlflow.data.context", entry["context"])
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, [tag])])

    def _artifact(self, run_id: str, entry: Entry) -> None:
        self._client.log_artifact(run_id, str(self._file(entry)), entry["folder"])

    def _curve(self, run_id: str, entry: Entry) -> None:
        """A whole history: what the run lacks of it, unless it says that it has it."""
        assert self._curves is not None
        rows = history_rows(self._file(entry))
        last = str(rows[-1][0]) if rows else "0"
        if self._client.get_run(run_id).data.tags.get(ITERATIONS) != last:
            self._curves.complete(rows, entry["time"])
            self._client.set_tag(run_id, ITERATIONS, last)

    def _status(self, run_id: str, entry: Entry) -> None:
        if entry["status"] == "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
            return
        running = self._client.get_run(run_id).info.status == "RUNNING"
        if running or not entry.get("only_running"):
            self._client.set_terminated(run_id, entry["status"], entry["time"])

    def _model(self, run_id: str, entry: Entry) -> None:
        log_model(self._server, run_id, self._journal.kept(entry["files"]), entry)

    def _file(self, entry: Entry) -> Path:
        (path,) = self._journal.kept(entry["files"]).iterdir()
        return path


_KINDS: dict[str, Callable[[Delivery, str, Entry], None]] = {
    "params": Delivery._params,
    "tags": Delivery._tags,
    "metrics": Delivery._metrics,
    "dataset": Delivery._dataset,
    "artifact": Delivery._artifact,
    "curve": Delivery._curve,
    "status": Delivery._status,
    "model": Delivery._model,
}


def resolve(server: Server, key: str, run: Entry) -> str:
    """The tracker's id of the run `key`; the run is created if the tracker has none such.

    The key may also be the tracker's own id, as older checkpoints have it.
    """
    found = server.client.search_runs(
        [server.experiment], f"tags.{RUN_KEY} = '{key}'", order_by=["start_time ASC"], max_results=1
    )
    if found:
        return str(found[0].info.run_id)
    if _is_known(server.client, key):
        return key
    tags = {name: str(run[name]) for name in ("profile", "variant", "seed")}
    created = server.client.create_run(
        server.experiment,
        start_time=run["created"],
        run_name=f"{run['variant']}-s{run['seed']}",
        tags={**tags, RUN_KEY: key, **run.get("tags", {})},
    )
    return str(created.info.run_id)


def _is_known(client: Any, run_id: str) -> bool:
    """Whether the tracker has a run of that id, and it was not deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", *REFUSALS):
            return False
        raise


def _slices(items: list[Any]) -> Iterable[list[Any]]:
    starts = range(0, len(items), ITEMS_PER_REQUEST)
    return (items[start : start + ITEMS_PER_REQUEST] for start in starts)
