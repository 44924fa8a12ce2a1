"""Where runs are kept: a SQLite database in the repository, or a server that the user names."""

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

Say = Callable[[str], None]


def say(message: str) -> None:
    """A line for the user, on stderr."""
    progress.say(f"mlflow: {message}")


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
