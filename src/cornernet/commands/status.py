"""`cornernet status`: what is done, running and left, and the results so far."""

import argparse
import math
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from cornernet.config import resolve_variant
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Trained
from cornernet.training.history import HISTORY, VALIDATION, read_history


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
        print(f"\n{results_of(paths)}")
    if paths.page.is_file():
        print(f"\nreport: {paths.page}")


def results_of(paths: Paths) -> str:
    """The table of a profile's results for the terminal."""
    from cornernet.reporting.tables.formats import results_summary
    from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv

    return results_summary(read_csv(paths.results, RESULT_COLUMNS))


def _print_done(what: str, outputs: Iterable[Path]) -> None:
    outputs = list(outputs)
    left = [path for path in outputs if not path.is_file()]
    state = "done" if not left else f"{len(outputs) - len(left)} of {len(outputs)} done"
    print(f"  {what}: {state}" + (f", next {left[0]}" if left else ""))


def _training_state(graph: Graph, trained: Trained) -> str:
    """Done or left, or what is known of a training under way; its AP so far as well."""
    history = graph.paths.checkpoints(trained) / HISTORY
    scores = [
        f"{name} {score:.1f} after iteration {row['iteration']:,}"
        for row in read_history(history.with_name(VALIDATION))[-1:]
        if math.isfinite(score := row[(name := "AP")])
    ]
    if graph.paths.weights(trained).is_file():
        return ", ".join(["done", *scores])
    rows = read_history(history)
    if not rows:
        return "started" if history.is_file() else "left"
    train, last = resolve_variant(graph.params, trained.variant).train, rows[-1]
    done, speed = int(last["iteration"]), last["images_per_second"]
    seconds = (train.iterations - done) * sum(train.chunks) / max(speed, 1e-9)
    left = timedelta(seconds=round(seconds))
    return ", ".join(
        [
            f"at iteration {done:,} of {train.iterations:,}",
            f"loss {last['total']:.3f}",
            *scores,
            f"{speed:,.1f} images/s",
            f"{left} left at that speed",
        ]
    )
