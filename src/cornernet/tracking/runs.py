"""Opens the run of a trained model, for its training or for later stages; sends what waits."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornernet.tracking.delivery import Delivery
from cornernet.tracking.invocation import invocation
from cornernet.tracking.journal import Journal, journals
from cornernet.tracking.run import Run, milliseconds
from cornernet.tracking.server import MLFLOW_FOLDER, Attempts, Say, address, initialise, is_remote
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
    run = _run(folder, say, key or uuid.uuid4().hex, profile, variant, seed, {})
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
    tags = {"trained_elsewhere": "yes", "weights_digest": weights_digest}
    if (called := invocation()) is not None:
        tags["invocation"] = called
    key = key or weights_digest[:KEY_LENGTH] or uuid.uuid4().hex
    run = _run(folder, say, key, profile, variant, seed, tags)
    run.log_params(params or {})
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
    with Attempts(folder, say).attempt():
        server = initialise(profile, folder)
        write_views(server)
        site = address(folder) if server.is_remote else "`make mlflow`, then http://127.0.0.1:5000"
        sent = [f"experiment {profile} is ready: {site}{page_of(server)}"]
        for journal in journals(folder):
            run = journal.run
            if run["remote"] != server.is_remote:
                continue
            count = Delivery(initialise(run["profile"], folder), journal, say).send(patience=0)
            if count:
                name = f"{run['profile']} {run['variant']}-s{run['seed']}"
                sent.append(f"{name}: sent what waited ({count} entries)")
            journal.remove_if_sent()
        return sent
    return None


def _run(
    folder: Path, say: Say, key: str, profile: str, variant: str, seed: int, tags: Mapping[str, str]
) -> Run:
    """A run with its journal; the tracker gives it the `tags` if it has to create it."""
    facts = {"profile": profile, "variant": variant, "seed": seed, "created": milliseconds()}
    journal = Journal(folder, key, {**facts, "remote": is_remote(folder), "tags": dict(tags)})
    return Run(journal, folder, say)
