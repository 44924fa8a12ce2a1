"""Opens the run of a trained model: a new one, the one that it had, or one found again."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornernet.paths import MLFLOW_FOLDER
from cornernet.tracking.run import Run
from cornernet.tracking.server import Say, Server, alone, initialise, line
from cornernet.tracking.server import say as say_on_stderr

# Names one invocation of a workflow; the runs that it makes are grouped by it.
INVOCATION = "CORNERNET_INVOCATION"


def open_run(
    profile: str,
    variant: str,
    seed: int,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
    run_id: str | None = None,
    folder: Path = MLFLOW_FOLDER,
    say: Say = say_on_stderr,
) -> Run:
    """The run of a model that is being trained: `run_id`'s (of its checkpoint), or a new one.

    `params` may be a tree of sections. Without MLflow, or without its server, the Run keeps
    nothing, and that is said.
    """
    server = _connect(profile, folder, say)
    if server is None:
        return Run(None, None)
    try:
        found = _reopened(server, run_id)
        if found is None:
            found = _created(server, profile, variant, seed, {})
    except Exception as error:  # the tracker's troubles are not the training's
        say(f"not reached, going on without ({line(error)})")
        return Run(None, None)
    run = Run(server, found, say)
    run.log_params(params)
    run.set_tags({**tags, "invocation": os.environ.get(INVOCATION)})
    return run


def find_run(
    profile: str,
    variant: str,
    seed: int,
    weights_digest: str,
    run_id: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    folder: Path = MLFLOW_FOLDER,
    say: Say = say_on_stderr,
) -> Run:
    """The run of a model that is trained, for the results of later stages.

    `run_id`'s, if the server knows it. A model that was trained elsewhere gets a run of its own
    here, tagged with the digest of its weights, by which it is found the next time.
    """
    server = _connect(profile, folder, say)
    if server is None:
        return Run(None, None)
    made = {"weights_digest": weights_digest, "trained_elsewhere": run_id or "unknown"}
    try:
        with alone(folder):  # two modes of one model are often evaluated at once
            found = _known(server, run_id) or _tagged(
                server, profile, variant, seed, weights_digest
            )
            if found is not None:
                return Run(server, found, say)
            run = Run(server, _created(server, profile, variant, seed, made), say)
    except Exception as error:  # the tracker's troubles are not the evaluation's
        say(f"not reached, going on without ({line(error)})")
        return Run(None, None)
    run.log_params(params or {})
    run.set_tags({**(tags or {}), "invocation": os.environ.get(INVOCATION)})
    run.finish()
    return Run(server, run.run_id, say)


def _connect(profile: str, folder: Path, say: Say) -> Server | None:
    try:
        return initialise(profile, folder)
    except ImportError:
        say("not installed, going on without")
    except Exception as error:  # a database that is locked or broken, a server that is away
        say(f"not reached, going on without ({line(error)})")
    return None


def _known(server: Server, run_id: str | None) -> str | None:
    """`run_id` if the server has that run and it was not deleted."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

    if run_id is None:
        return None
    try:
        run = server.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise
    return run_id if run.info.lifecycle_stage == "active" else None


def _reopened(server: Server, run_id: str | None) -> str | None:
    found = _known(server, run_id)
    if found is not None:
        server.client.update_run(found, status="RUNNING")
    return found


def _tagged(
    server: Server, profile: str, variant: str, seed: int, weights_digest: str
) -> str | None:
    """The newest run with these tags."""
    wanted = {
        "profile": profile,
        "variant": variant,
        "seed": str(seed),
        "weights_digest": weights_digest,
    }
    text = " and ".join(f"tags.{name} = '{value}'" for name, value in wanted.items())
    runs = server.client.search_runs([server.experiment], text, max_results=1)
    return runs[0].info.run_id if runs else None


def _created(server: Server, profile: str, variant: str, seed: int, tags: Mapping[str, str]) -> str:
    run = server.client.create_run(
        server.experiment,
        run_name=f"{variant}-s{seed}",
        tags={"profile": profile, "variant": variant, "seed": str(seed), **tags},
    )
    return str(run.info.run_id)
