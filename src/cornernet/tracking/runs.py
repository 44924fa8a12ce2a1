"""Opens the run of a trained model, for its training or for later stages; sends what waits."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornernet.tracking.connection import Connection
from cornernet.tracking.delivery import Delivery
from cornernet.tracking.invocation import invocation
from cornernet.tracking.journal import Journal, journals
from cornernet.tracking.run import Run, milliseconds
from cornernet.tracking.server import MLFLOW_FOLDER, Say, address, is_remote
from cornernet.tracking.server import say as say_on_stderr
from cornernet.tracking.views import page_of, write_views

KEY_LENGTH = 32


def open_run(
    profile: str,
    variant: str,
    seed: int,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
    key: str | None = None,
    folder: Path = MLFLOW_FOLDER,
    say: Say = say_on_stderr,
) -> Run:
    """The run of a model whose training begins: that of `key` (of its checkpoint), or a new one.

    `params` may be a tree of sections. Call `begin`, then `log`, then `finish`. Without the
    tracker all stays in the journal, and that is said.
    """
    run = _run(folder, key or uuid.uuid4().hex, _facts(profile, variant, seed), say)
    run.log_params(params)
    run.set_tags({**tags, "invocation": invocation()})
    return run


def find_run(
    profile: str,
    variant: str,
    seed: int,
    weights_digest: str,
    key: str | None = None,
    params: Mapping[str, Any] | None = None,
    history: Path | None = None,
    folder: Path = MLFLOW_FOLDER,
    say: Say = say_on_stderr,
) -> Run:
    """The run of a model that is trained, for the results of later stages; to be closed.

    Found by `key`, of its provenance. A tracker that never saw the training makes a run of it,
    with the params and the history that are given. Weights without provenance have a key of their
    own, made of their digest.
    """
    elsewhere = {"trained_elsewhere": "yes", "weights_digest": weights_digest}
    facts = _facts(profile, variant, seed) | {"tags": elsewhere}
    run = _run(folder, key or weights_digest[:KEY_LENGTH] or uuid.uuid4().hex, facts, say)
    run.log_params(params or {})
    run.set_tags({"invocation": invocation()}, only_new=True)
    if history is not None:
        run.log_history(history)
    run.mark_ended()
    return run


def send_waiting(
    profile: str, folder: Path = MLFLOW_FOLDER, say: Say = say_on_stderr
) -> list[str] | None:
    """Make the tracker ready for `profile`, and send what it missed, of whichever profile.

    Returns where the experiment's page is, and one line per run of which something was sent; None,
    which is said, while the tracker is away. A run that another process is sending at this moment
    is left out; and so is one that was begun for a server while the repository's database is in use
    now, or the other way round.
    """
    connection = Connection(folder, say)
    server = connection.to(profile)
    if server is None:
        return None
    try:
        write_views(server)
    except Exception as error:  # a failure of the tracker fails nothing else
        connection.lost(error)
        return None
    site = address(folder) if server.is_remote else "`make mlflow`, then http://127.0.0.1:5000"
    sent = [f"experiment {profile} is ready: {site}{page_of(server)}"]
    for journal in journals(folder):
        if journal.run["remote"] != is_remote(folder):
            continue
        server = connection.to(journal.run["profile"])
        if server is None:
            return None
        try:
            count = Delivery(server, journal, say).send(patience=0)
        except Exception as error:  # a failure of the tracker fails nothing else
            connection.lost(error)
            return None
        if count:
            run = journal.run
            name = f"{run['profile']} {run['variant']}-s{run['seed']}"
            sent.append(f"{name}: sent what waited ({count} entries)")
        journal.remove_if_sent()
    return sent


def _facts(profile: str, variant: str, seed: int) -> dict[str, Any]:
    """The first entry of a journal, but for the key."""
    return {"profile": profile, "variant": variant, "seed": seed, "created": milliseconds()}


def _run(folder: Path, key: str, facts: Mapping[str, Any], say: Say) -> Run:
    journal = Journal(folder, key, {**facts, "remote": is_remote(folder)})
    return Run(journal, Connection(folder, say))
