"""`cornernet tracking`: tells MLflow what it lacks of the files, and where its pages are."""

import argparse
import socket
from collections.abc import Iterator
from pathlib import Path

from cornernet.config.profiles import profiles
from cornernet.errors import BadInput
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.tracked_runs import files_of
from cornernet.tracking import PORT, Attempts, ModelFiles, pages, send


def run(options: argparse.Namespace) -> None:
    """Tell MLflow of `--profile`, or of every profile that has trained; print the pages.

    Raises BadInput for a database that is damaged, and for a `--port` that is taken. A server that
    is away is said.
    """
    if options.port is not None:
        try:
            socket.create_server(("127.0.0.1", options.port)).close()
        except (OSError, OverflowError):
            raise BadInput(
                f"port {options.port} is taken by another program, or is not for you; name another "
                f"one: make mlflow PORT={options.port + 1}"
            ) from None
    attempts = Attempts(lenient=False)
    send(_all_files(options), attempts=attempts, patience=0)
    with attempts.attempt():
        found = pages(port=options.port or PORT)
        for name, page in found.items():
            print(f"experiment {name}: {page}")
        if not found:
            print("MLflow has no run yet; a training makes one")
        elif options.port is None:
            print("(`make mlflow` opens what is on 127.0.0.1)")


def _all_files(options: argparse.Namespace) -> Iterator[ModelFiles]:
    wanted = [options.profile] if options.profile else profiles()
    for profile in wanted:
        if Path("data", profile).is_dir():
            graph = Graph(params_of(argparse.Namespace(profile=profile, set=options.set)))
            for trained in graph.trained + graph.imported:
                yield from files_of(graph, options.set, trained)
