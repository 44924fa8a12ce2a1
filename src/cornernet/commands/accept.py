"""`cornernet accept`: keeps results although the code that decides them has changed."""

import argparse

from cornernet.errors import BadInput
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.staleness.accepted import accept, matching
from cornernet.pipeline.staleness.resolved import refresh


def run(options: argparse.Namespace) -> None:
    """Record the reason, so that neither engine makes the results anew.

    Raises BadInput for a pattern that no job fits, and for a reason that says nothing.
    """
    graph = Graph(params_of(options))
    if not options.because.strip():
        raise BadInput("--because is empty; say why the results still hold, the report shows it")
    if not list(matching(graph, options.pattern)):
        raise BadInput(
            f"{options.pattern!r} fits no job of profile {graph.paths.profile}; give a stage, a "
            "job or an output, such as train, 'train-baseline-*' or 'data/*/models/*'"
        )
    kept = accept(graph, options.pattern, options.because.strip())
    refresh(graph)
    if kept:
        print(f"accept: {', '.join(kept)} kept; {graph.paths.accepted} has the reason")
    else:
        print("accept: the code of these results is what they were made with; nothing to keep")
