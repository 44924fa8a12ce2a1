"""Tells the tracker what stands in a journal: in order, and each thing once.

Whatever of an entry the tracker has already is left out, so that an entry whose answer was lost may
be sent again.
"""

import json
from collections.abc import Callable, Sequence
from itertools import groupby, islice
from pathlib import Path

from cornernet.tracking.curve import Curves, history_rows
from cornernet.tracking.journal import Entry, Journal
from cornernet.tracking.registry import MODEL_ID, log_model, tag_version
from cornernet.tracking.server import Say, Server, in_one_line

AT_ONCE = 500  # entries of points that are sent together
ITEMS_PER_REQUEST = 100  # the most params that MLflow takes
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
LONGEST_DIGEST = 36
# Tags of a run
RUN_KEY = "run_key"  # our name of it, known before the tracker gave it an id
ITERATIONS = "iterations"  # how far its curves are known to be whole
# Answers of a tracker that is there and will never take the entry: it is said, and left out.
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS")


class Delivery:
    """Sends a run's journal to one server; remembers which points of the curves are there."""

    def __init__(self, server: Server, journal: Journal, say: Say) -> None:
        self._server, self._client, self._journal, self._say = server, server.client, journal, say
        self._curves = Curves(server.client)
        self.run_id: str | None = None

    def send(self, patience: float) -> int:
        """Send all that is unsent; returns how many entries that were.

        Waits up to `patience` seconds for another process that is sending the same journal. Raises
        what MLflow raises when it cannot be reached; what was not sent stays in the journal, to be
        sent by a new Delivery, for the tracker's memory may no longer be what it was.
        """
        count = 0
        with self._journal.sending(patience) as mine:
            if not mine:
                return 0
            self.run_id = run_id = self.run_id or run_of(self._server, self._journal)
            unsent = self._journal.unsent()
            for are_points, group in groupby(unsent, lambda item: item[0]["kind"] == "points"):
                while some := list(islice(group, AT_ONCE if are_points else 1)):
                    self._send(run_id, [entry for entry, _ in some])
                    self._journal.sent(some[-1][1])
                    count += len(some)
                    if "files" in some[0][0]:
                        self._journal.discard(some[0][0]["files"])
        return count

    def _send(self, run_id: str, entries: Sequence[Entry]) -> None:
        """Send some points, or one entry of another kind."""
        from mlflow.exceptions import MlflowException

        entry = entries[0]
        try:
            if entry["kind"] == "points":
                rows = [(point["iteration"], point["time"], point["metrics"]) for point in entries]
                self._curves.send(run_id, rows)
            else:
                _KINDS[entry["kind"]](self, run_id, entry)
        except FileNotFoundError as error:
            self._say(f"{self._journal.key}: {entry['kind']} left out ({in_one_line(error)})")
        except MlflowException as error:
            if error.error_code not in REFUSALS:
                raise
            self._say(f"{self._journal.key}: {entry['kind']} refused ({in_one_line(error)})")

    def _params(self, run_id: str, entry: Entry) -> None:
        from mlflow.entities import Param

        known = self._client.get_run(run_id).data.params
        params = [(name, value) for name, value in entry["params"].items() if name not in known]
        for start in range(0, len(params), ITEMS_PER_REQUEST):
            some = params[start : start + ITEMS_PER_REQUEST]
            self._client.log_batch(run_id, params=[Param(k, v[:LONGEST_PARAM]) for k, v in some])

    def _tags(self, run_id: str, entry: Entry) -> None:
        from mlflow.entities import RunTag

        tags = [RunTag(name, value[:LONGEST_TAG]) for name, value in entry["tags"].items()]
        self._client.log_batch(run_id, tags=tags)

    def _metrics(self, run_id: str, entry: Entry) -> None:
        """Metrics of the whole training: on the run, and on the model that was logged of it."""
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        data = self._client.get_run(run_id).data
        new = [kv for kv in entry["metrics"].items() if data.metrics.get(kv[0]) != kv[1]]

        def log(model_id: str | None) -> None:
            of = {"model_id": model_id, "run_id": run_id}
            metrics = [Metric(name, value, entry["time"], 0, **of) for name, value in new]
            self._client.log_batch(run_id, metrics=metrics)

        try:
            log(data.tags.get(MODEL_ID))
        except MlflowException as error:
            if error.error_code not in REFUSALS:
                raise
            log(None)  # someone deleted the model
        tag_version(self._client, data.tags, entry["metrics"])

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
        rows = history_rows(self._file(entry), entry["time"])
        last = str(rows[-1][0]) if rows else "0"
        if self._client.get_run(run_id).data.tags.get(ITERATIONS) != last:
            self._curves.send(run_id, rows)
            self._client.set_tag(run_id, ITERATIONS, last)

    def _status(self, run_id: str, entry: Entry) -> None:
        """The beginning of a training, or its end, unless that is known."""
        if entry["status"] == "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
        elif self._client.get_run(run_id).info.status == "RUNNING":
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


def run_of(server: Server, journal: Journal) -> str:
    """The tracker's id of a journal's run; the run is created if the tracker has none such."""
    query = f"tags.{RUN_KEY} = '{journal.key}'"
    found = server.client.search_runs(
        [server.experiment], query, order_by=["start_time ASC"], max_results=1
    )
    if found:
        return str(found[0].info.run_id)
    run = journal.run
    tags = {name: str(run[name]) for name in ("profile", "variant", "seed")}
    created = server.client.create_run(
        server.experiment,
        start_time=run["created"],
        run_name=f"{run['variant']}-s{run['seed']}",
        tags={**tags, RUN_KEY: journal.key, **run.get("tags", {})},
    )
    return str(created.info.run_id)
