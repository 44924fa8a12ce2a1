"""`cornernet status`: what is done, running and left, and the results so far."""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path

from cornernet.config import resolve_variant
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained


def run(options: argparse.Namespace) -> None:
    """Print the state of every output of the profile, and the results once there are any."""
    graph = Graph(params_of(options))
    paths = graph.paths
    print(f"profile {paths.profile}")
    _print_done("data", [paths.source, paths.dataset, paths.radii])
    for trained in graph.trained:
        print(f"  train {trained}: {_progress(graph, trained)}")
    _print_done("detections", map(paths.detections, graph.tested))
    _print_done("submissions", map(paths.submission, graph.submitted))
    _print_done("metrics", map(paths.metrics, graph.tested))
    if paths.results.is_file():
        from cornernet.reporting.tables.results import read_results
        from cornernet.reporting.tables.summary import results_summary

        print(f"\n{results_summary(read_results(paths.results))}")
    if paths.page.is_file():
        print(f"\nreport: {paths.page}")


def _print_done(what: str, outputs: Iterable[Path]) -> None:
    outputs = list(outputs)
    left = [path for path in outputs if not path.is_file()]
    state = "done" if not left else f"{len(outputs) - len(left)} of {len(outputs)} done"
    print(f"  {what}: {state}" + (f", next {left[0]}" if left else ""))


def _progress(graph: Graph, trained: Trained) -> str:
    """done, or how far the checkpoints' record of losses goes."""
    if graph.paths.weights(trained).is_file():
        return "done"
    total = resolve_variant(graph.params, trained.variant).train.iterations
    history = graph.paths.checkpoints(trained) / "history.csv"
    if not history.is_file():
        return "left"
    with history.open() as stream:
        rows = list(csv.DictReader(stream))
    return f"at iteration {rows[-1]['iteration']} of {total}" if rows else "started"
