"""Where runs are kept: a SQLite database in the repository, or a server that the user names."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from cornernet import progress

MLFLOW_FOLDER = Path("data/mlflow")
OUTBOX = "outbox"  # in it; what waits for the tracker
ADDRESS = "MLFLOW_TRACKING_URI"

# Unless the user sets them. MLflow sends usage data home by default; and waits minutes for a server
# that is away, seven times over. What fails is sent again by us, who know what may be sent twice.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}

# MLflow's own tag: its UI then shows runs and their curves first, and not the pages for prompts.
KIND = {"mlflow.experimentKind": "custom_model_development"}

POLL = 0.02  # seconds between two attempts at a lock; it is held for milliseconds

Say = Callable[[str], None]


def say(message: str) -> None:
    """A line for the user, on stderr."""
    progress.say(f"mlflow: {message}")


def in_one_line(error: BaseException, length: int = 260) -> str:
    """An error in one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:length]


@dataclass(frozen=True)
class Server:
    """A connection, and the experiment of one profile."""

    client: Any  # mlflow.MlflowClient
    experiment: str  # its id
    is_remote: bool  # reached over HTTP, and not a database


class Attempts:
    """Attempts to reach the tracker: failure is said once, and fails nothing else."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder, self._say, self._said = folder, say, False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Ends the block, and no more, when the tracker is missing or fails in it."""
        try:
            yield
        except ImportError:
            self._waits("not installed")
        # Whatever ails it: MLflow lets through what its database, its server and its artifact store
        # raise, of a dozen packages; and what is being tracked is worth more than the tracker.
        except Exception as error:
            self._waits(f"not reached ({in_one_line(error)})")

    def _waits(self, why: str) -> None:
        if not self._said:
            self._said = True
            self._say(
                f"{why}; going on, what is measured waits in {self._folder / OUTBOX} and is sent "
                "by the next command that reaches it, or by `cornernet tracking`"
            )


def address(folder: Path = MLFLOW_FOLDER) -> str:
    """MLFLOW_TRACKING_URI, or the repository's own database."""
    return os.environ.get(ADDRESS) or f"sqlite:///{(folder / 'mlflow.db').resolve()}"


def is_remote(folder: Path = MLFLOW_FOLDER) -> bool:
    """Whether runs go to a server, and not to a database."""
    return not address(folder).startswith("sqlite:")


def initialise(profile: str, folder: Path = MLFLOW_FOLDER) -> Server:
    """Create or migrate the database, and the profile's experiment, unless they are there.

    Any number of processes may call this at once. Raises ImportError without MLflow, and whatever
    MLflow raises when its server cannot be reached.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):  # which tell of every table that they create
        logging.getLogger(name).setLevel(logging.WARNING)
    remote = is_remote(folder)  # a server creates its tables, and knows its artifacts
    artifacts = None if remote else (folder / "artifacts" / profile).resolve().as_uri()
    # Two processes that create tables at once would break each other.
    with nullcontext() if remote else folder_lock(folder):
        client = MlflowClient(address(folder))
        return Server(client, _experiment(client, profile, artifacts), remote)


def folder_lock(folder: Path) -> FileLock:
    """A lock on `folder` (made if it is missing), for one process and one thread at a time.

    `with` waits for it as long as it takes; the system frees it when its holder is killed.
    """
    return FileLock(folder / ".lock", poll_interval=POLL)


def _experiment(client: Any, name: str, artifacts: str | None) -> str:
    """The id of the experiment `name`, made if there is none and restored if it was deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifacts, tags=KIND))
        except MlflowException:  # another process, on another machine, was first
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)
