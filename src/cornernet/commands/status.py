"""`cornernet status`: what is done, running and left, and the results so far."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from cornernet.config import resolve_variant
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained
from cornernet.training.history import read_history


def run(options: argparse.Namespace) -> None:
    """Print what is done and left of the profile, and the results once there are any."""
    graph = Graph(params_of(options))
    paths = graph.paths
    print(f"profile {paths.profile}")
    _print_done("data", [paths.source, paths.dataset, paths.radii])
    for trained in graph.trained:
        print(f"  train {trained}: {_training_state(graph, trained)}")
    _print_done("detections", map(paths.detections, graph.tested))
    _print_done("submissions", map(paths.submission, graph.submitted))
    _print_done("metrics", map(paths.metrics, graph.tested))
    if paths.results.is_file():
        from cornernet.reporting.tables.formats import results_summary
        from cornernet.reporting.tables.results import read_results

        print(f"\n{results_summary(read_results(paths.results))}")
    if paths.page.is_file():
        print(f"\nreport: {paths.page}")


def _print_done(what: str, outputs: Iterable[Path]) -> None:
    outputs = list(outputs)
    left = [path for path in outputs if not path.is_file()]
    state = "done" if not left else f"{len(outputs) - len(left)} of {len(outputs)} done"
    print(f"  {what}: {state}" + (f", next {left[0]}" if left else ""))


def _training_state(graph: Graph, trained: Trained) -> str:
    """done, left, or the last iteration whose losses were recorded."""
    if graph.paths.weights(trained).is_file():
        return "done"
    total = resolve_variant(graph.params, trained.variant).train.iterations
    history = graph.paths.checkpoints(trained) / "history.csv"
    if not history.is_file():
        return "left"
    rows = read_history(history)
    return f"at iteration {rows[-1]['iteration']} of {total}" if rows else "started"
