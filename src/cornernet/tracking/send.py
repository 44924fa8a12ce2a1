"""Tells MLflow what it lacks of the files of trained models; nothing is sent twice."""

import hashlib
import json
import math
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cornernet.tracking.registry import MODEL_ID, ModelFiles, registered_version
from cornernet.tracking.server import MLFLOW_FOLDER, Attempts, connect, experiment_of, run_page
from cornernet.training.history import VALIDATION, read_history

PATIENCE = 60.0  # seconds to wait for another process that sends of the same model
# MLflow's limits
POINTS_PER_REQUEST, PARAMS_PER_REQUEST, LONGEST_PARAM, LONGEST_DIGEST = 1000, 100, 6000, 36
NO_LOSS = ("learning_rate", "images_per_second")
HEADLINE = ("AP.", "test_dev.AP.")  # the metric of each test that a version carries as a tag
# Tags of a run
RUN_KEY = "run_key"
SENT_FILES = "sent_files"  # digests by name, as JSON: what MLflow has whole
REPORT_PAGE = "{report}"  # in a tag: where MLflow's pages show the run's index.html

Point = tuple[str, int, float]  # metric, iteration, value


def send(
    models: Iterable[ModelFiles],
    folder: Path = MLFLOW_FOLDER,
    attempts: Attempts | None = None,
    is_training: bool = False,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """Tell MLflow what it lacks of each model; returns MLflow's `info` of the runs by their keys.

    A run that someone deleted is left alone; a training's begins anew. A model that another process
    still sends after `patience` seconds is left to that. Ends at the first failure, which is said:
    what was not sent lies in the files.
    """
    sent = {}
    with (attempts or Attempts()).attempt():
        client = connect(folder)
        for model in models:
            with suppress(Timeout), sender_lock(folder, model.key, patience):
                if info := send_files(client, folder, model, is_training):
                    sent[model.key] = info
    return sent


def sender_lock(folder: Path, key: str, patience: float = PATIENCE) -> FileLock:
    """Whoever holds it is the only process that sends of a model."""
    return FileLock(folder / "locks" / key, timeout=patience)


def send_files(client: Any, folder: Path, model: ModelFiles, is_training: bool) -> Any:
    """Tell MLflow what it lacks of one model; returns its run's `info`, None if someone deleted it.

    The caller holds the `sender_lock`. Raises what MLflow raises; what arrived is not sent again.
    """
    run = _run_of(client, folder, model, is_training)
    if run is None:
        return None
    run_id, sent_before = run.info.run_id, run.data.tags.get(SENT_FILES, "{}")
    digests, curves = json.loads(sent_before), Curves(client, run_id)
    _send_params_and_tags(client, run, model)
    _send_dataset(client, run, model)
    for path in model.curves:
        if _is_new(digests, path.name, path):
            curves.send(read_points(path), model.ended)
    _send_metrics(client, folder, run, model)
    for path, place in model.artifacts:
        if _is_new(digests, f"{place}/{path.name}" if place else path.name, path):
            client.log_artifact(run_id, str(path), place)
    if (sent := json.dumps(digests)) != sent_before:
        client.set_tag(run_id, SENT_FILES, sent)
    if model.status is not None and model.status != run.info.status:
        client.set_terminated(run_id, model.status, model.ended)
    return run.info


def _run_of(client: Any, folder: Path, model: ModelFiles, is_training: bool) -> Any:
    """MLflow's run of a model, made if there is none; None if someone deleted it."""
    from mlflow.entities import ViewType

    experiment = experiment_of(client, folder, model.profile, is_training)
    if experiment is None:
        return None
    query = f"tags.{RUN_KEY} = '{model.key}'"
    if found := client.search_runs([experiment], query, max_results=1):
        return found[0]
    if not is_training and client.search_runs([experiment], query, ViewType.DELETED_ONLY, 1):
        return None
    tags = {"profile": model.profile, "variant": model.variant, "seed": str(model.seed)}
    name = f"{model.variant}-s{model.seed}"
    return client.create_run(experiment, model.began, {**tags, RUN_KEY: model.key}, name)


def _send_params_and_tags(client: Any, run: Any, model: ModelFiles) -> None:
    """Those that the run lacks: params cannot change, and a tag keeps its first value."""
    import pandas as pd
    from mlflow.entities import Param, RunTag

    flat = pd.json_normalize(dict(model.params), sep=".").to_dict("records")  # "section.key"
    params = [
        Param(str(name), str(value)[:LONGEST_PARAM])
        for name, value in (flat[0] if flat else {}).items()
        if name not in run.data.params
    ]
    for start in range(0, len(params), PARAMS_PER_REQUEST):
        client.log_batch(run.info.run_id, params=params[start : start + PARAMS_PER_REQUEST])
    report = run_page(run.info, "/artifacts/index.html")
    new = {name: value for name, value in model.tags.items() if name not in run.data.tags}
    tags = [RunTag(name, value.replace(REPORT_PAGE, report)) for name, value in new.items()]
    if tags:
        client.log_batch(run.info.run_id, tags=tags)


def _send_dataset(client: Any, run: Any, model: ModelFiles) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name, digest, source = model.dataset or ("", "", {})
    dataset = Dataset(name, digest[:LONGEST_DIGEST], "local", json.dumps(source))
    known = {(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs}
    if name and (name, dataset.digest) not in known:
        new = DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])
        client.log_inputs(run.info.run_id, datasets=[new])


def _send_metrics(client: Any, folder: Path, run: Any, model: ModelFiles) -> None:
    """Results of the whole training: on the run, and on the model that is registered of it."""
    from mlflow.entities import Metric

    version = model.registered and registered_version(client, folder, run, model)
    known, run_id = run.data.metrics, run.info.run_id
    new = {name: value for name, value in model.metrics.items() if known.get(name) != value}
    if new:
        of = {"model_id": version.tags[MODEL_ID] if version else None, "run_id": run_id}
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, 0, **of) for name, value in new.items()]
        client.log_batch(run_id, metrics=metrics)
    for name, value in model.metrics.items():
        if version and name.startswith(HEADLINE) and version.tags.get(name) != str(value):
            client.set_model_version_tag(version.name, version.version, name, str(value))


def _is_new(digests: dict[str, str], name: str, path: Path) -> bool:
    """Whether a file is there that differs from its digest, which is replaced."""
    if not path.is_file():
        return False
    before, digests[name] = digests.get(name), hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return digests[name] != before


def read_points(path: Path) -> list[Point]:
    """The points of a history.csv or validation.csv, as far as whole rows are there.

    MLflow draws one section of curves per prefix of a metric's name.
    """
    kind = "validation" if path.name == VALIDATION else "loss"
    return [
        (f"{'training' if name in NO_LOSS else kind}/{name}", int(row["iteration"]), value)
        for row in read_history(path)
        for name, value in row.items()
        if name != "iteration" and math.isfinite(value)  # a score may be undefined
    ]


class Curves:
    """The curves of one run, as far as MLflow has them."""

    def __init__(self, client: Any, run_id: str | None) -> None:
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
