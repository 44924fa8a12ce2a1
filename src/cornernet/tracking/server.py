"""Where runs are kept: a SQLite database in the repository, or a server that the user names.

One experiment per profile, with a ready-made view of its page: AP beside AP.
MLflow keeps a view that is shared by its link as a tag of the experiment; this one is written in
the same form (as MLflow 3.17 reads it). A page that does not know the form ignores it.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from cornernet import progress
from cornernet.errors import BadInput
from cornernet.files import replacing

MLFLOW_FOLDER = Path("data/mlflow")
SITE = "http://127.0.0.1:{port}"  # where `make mlflow` shows the repository's own database
PORT = 5000
ADDRESS = "MLFLOW_TRACKING_URI"

# Unless the user sets them. MLflow sends usage data home by default; and waits minutes for a server
# that is away, seven times over. What fails is sent again by us, who know what may be sent twice.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# What is said of a database that is whole, and only cannot be used at this moment.
PASSING = ("is full", "is locked", "disk I/O error", "readonly", "unable to open")
# MLflow's own tag: its pages then show runs and their curves first, and not the pages for prompts.
KIND = {"mlflow.experimentKind": "custom_model_development"}
RESULTS = "results"
VIEW = f"mlflow.sharedViewState.{RESULTS}"
TRAINING_VIEW = "workflowType=machine_learning"
# The pages sort columns by name: those of val come first, then those that begin with test_dev.
SHOWN = (
    *(f"{metric}.val.single_scale" for metric in ("AP", "AP50", "AP75")),
    *(f"test_dev.{metric}.single_scale" for metric in ("AP", "AP50", "AP75")),
    "test_dev.AP.multi_scale",
)
STATE = {
    "searchFilter": "", "orderByKey": "attributes.start_time", "orderByAsc": True,
    "startTime": "ALL", "lifecycleFilter": "Active", "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": [*(f"metrics.`{name}`" for name in SHOWN), "tags.`invocation`"],
    "groupBy": None,
}  # fmt: skip

Say = Callable[[str], None]


def say(message: str) -> None:
    """A line for the user, on stderr."""
    progress.say(f"note: mlflow: {message}")


class Attempts:
    """Attempts to reach the tracker: failure is said once, and fails nothing else."""

    def __init__(self, say: Say = say, lenient: bool = True) -> None:
        self._say, self._lenient, self._said = say, lenient, False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Ends the block, and no more, when the tracker is missing or fails in it."""
        try:
            yield
        # Whatever ails it: MLflow lets through what its database, its server and its artifact store
        # raise, of a dozen packages; and what is being tracked is worth more than the tracker.
        except Exception as error:
            if isinstance(error, BadInput) and not self._lenient:
                raise
            why = f"not reached: {type(error).__name__}: {error}".partition("\n")[0][:240]
            why = str(error) if isinstance(error, BadInput) else why
            if not self._said:
                self._say(f"{why}; `cornernet tracking` tells it later what the files hold")
            self._said = True


def address(folder: Path = MLFLOW_FOLDER) -> str:
    """MLFLOW_TRACKING_URI, or the repository's own database."""
    return os.environ.get(ADDRESS) or f"sqlite:///{(folder / 'mlflow.db').resolve()}"


def is_remote(folder: Path = MLFLOW_FOLDER) -> bool:
    """Whether runs go to a server, and not to a database."""
    return not address(folder).startswith("sqlite:")


def leaves_to_others(folder: Path = MLFLOW_FOLDER) -> bool:
    """Whether this process is a cluster's job, which must not write SQLite on a network's disk.

    It leaves its files; `cornernet tracking`, where the workflow was started, tells MLflow of them.
    """
    return "SLURM_JOB_ID" in os.environ and not is_remote(folder)


def connect(folder: Path = MLFLOW_FOLDER) -> Any:
    """MLflow's client of the server, or of the database, which is made if there is none.

    Any number of processes may call this at once. Raises ImportError without MLflow, BadInput for a
    database that is damaged, and whatever MLflow raises when it cannot be reached.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):  # what matters reaches us as an error, and is said once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    uri = address(folder)
    if is_remote(folder):
        return MlflowClient(uri)
    path = Path(uri.removeprefix("sqlite:///"))
    with FileLock(folder / ".lock", timeout=120):  # two that create tables would break each other
        if not (path.exists() and path.stat().st_size):
            with replacing(path) as temporary:  # a kill, or a full disk, leaves nothing half made
                client = MlflowClient(f"sqlite:///{temporary.resolve()}")
                for experiment in client.search_experiments():  # "Default", which nobody uses
                    client.delete_experiment(experiment.experiment_id)
        try:
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)
        # Of whichever package; what may pass is left to `Attempts`.
        except Exception as error:
            if isinstance(error, OSError) or any(word in str(error) for word in PASSING):
                raise
            raise BadInput(
                f"{path} is damaged, or of another MLflow ({str(error).partition(chr(10))[0]}); "
                "move it away, `cornernet tracking` then makes another from the files"
            ) from error
        return client


def experiment_of(client: Any, folder: Path, profile: str, is_training: bool) -> str | None:
    """The id of a profile's experiment, made if there is none.

    None if someone deleted it; for a training it is restored.
    """
    from mlflow.exceptions import MlflowException

    # A server knows where its artifacts lie.
    where = None if is_remote(folder) else (folder / "artifacts" / profile).resolve().as_uri()
    found = client.get_experiment_by_name(profile)
    if found is None:
        try:
            client.create_experiment(profile, artifact_location=where, tags=KIND)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was first
                raise
        found = client.get_experiment_by_name(profile)
    if found.lifecycle_stage == "deleted":
        if not is_training:
            return None
        client.restore_experiment(found.experiment_id)
    view = json.dumps(STATE)
    if found.tags.get(VIEW) != view:
        client.set_experiment_tag(found.experiment_id, VIEW, view)
    return str(found.experiment_id)


def site(folder: Path = MLFLOW_FOLDER, port: int = PORT) -> str:
    """Where MLflow's pages are: the server's address, or that of `make mlflow`."""
    return address(folder) if is_remote(folder) else SITE.format(port=port)


def run_page(info: Any, tab: str = "") -> str:
    """The address of a run, of MLflow's `info`, within MLflow's pages; such as its `/artifacts`."""
    return f"#/experiments/{info.experiment_id}/runs/{info.run_id}{tab}?{TRAINING_VIEW}"


def pages(folder: Path = MLFLOW_FOLDER, port: int = PORT) -> dict[str, str]:
    """The page of each experiment that has runs, the one of the latest run first.

    Raises what `connect` raises.
    """
    client = connect(folder)
    found = [
        (run.info.start_time, experiment.name, experiment.experiment_id)
        for experiment in client.search_experiments()
        for run in client.search_runs([experiment.experiment_id], max_results=1)  # the latest
    ]
    view = f"runs?viewStateShareKey={RESULTS}&{TRAINING_VIEW}"
    newest_first = sorted(found, reverse=True)
    where = f"{site(folder, port)}/#/experiments"
    return {name: f"{where}/{number}/{view}" for _, name, number in newest_first}
