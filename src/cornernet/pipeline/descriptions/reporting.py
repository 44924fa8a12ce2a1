"""From metrics to the paper's tables, figures, judged claims and the page."""

from pathlib import Path

from cornernet.pipeline.descriptions.models import TRAIN
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import (
    BREAKDOWNS,
    CLAIMS_FILE,
    LITERATURE,
    SEEDS_PROFILE,
    SEEDS_RECORD,
    TRAINING_NOISE,
    Paths,
    provenance,
)
from cornernet.pipeline.stage import Key, Stage
from cornernet.pipeline.staleness import deciding

NUMBERS = (1, 2, 3, 4)  # of the paper's tables


def _all_tests(graph: Graph, key: Key) -> list[Path]:
    paths = graph.paths
    return [
        paths.dataset,
        *(paths.metrics(tested) for tested in graph.tested),
        *(paths.detections(tested) for tested in graph.tested),
        *(paths.corners(trained) for trained in graph.with_corners),
        LITERATURE,
        CLAIMS_FILE,
        TRAINING_NOISE,
    ]


def _tables(paths: Paths, key: Key) -> list[Path]:
    suffixes = ("md", "csv", "tex")
    rendered = [paths.table(n, suffix) for n in NUMBERS for suffix in suffixes]
    rendered += [paths.breakdown(name, suffix) for name in BREAKDOWNS for suffix in suffixes]
    measured = [paths.measured, paths.measured_seeds, paths.corner_scores]
    return [paths.results, paths.differences, *measured, *rendered]


def _drawn(graph: Graph, key: Key) -> list[Path]:
    paths = graph.paths
    return [
        paths.dataset,
        paths.radii,
        paths.results,
        *(paths.history(trained) for trained in graph.trained),
        *(paths.weights(trained) for trained in graph.trained + graph.imported),
        *(paths.detections(tested) for tested in graph.tested),
        *(paths.corners(trained) for trained in graph.with_corners),
    ]


def _shown(graph: Graph, key: Key) -> list[Path]:
    paths = graph.paths
    return [
        paths.dataset,
        paths.claims,
        paths.seeds,
        paths.results,
        paths.differences,
        paths.corner_scores,
        *(paths.table(number, "csv") for number in NUMBERS),
        *(paths.breakdown(name, "csv") for name in BREAKDOWNS),
        paths.figures,
        *(paths.weights(trained) for trained in graph.trained + graph.imported),
        paths.accepted,
    ]


def _measured(graph: Graph, key: Key) -> list[Path]:
    paths = graph.paths
    return [paths.dataset, paths.measured, paths.measured_seeds, CLAIMS_FILE]


def _record(graph: Graph, key: Key) -> list[Path]:
    """The verdicts of more seeds, once they are recorded; nothing stands beside its own."""
    own = graph.paths.profile == SEEDS_PROFILE
    return [] if own else [SEEDS_RECORD, provenance(SEEDS_RECORD)]


TABLES = Stage(
    name="tables",
    summary="results.csv, differences.csv, the paper's tables, those by category and mistake",
    inputs=_all_tests,
    outputs=_tables,
    params=("evaluation", "corners", "report", "tested", "train.seeds", "variants"),
    deciding=deciding.TABLES,
    reads=lambda key: ("val",),
)

FIGURES = Stage(
    name="figures",
    summary="figures of this run",
    inputs=_drawn,
    outputs=lambda paths, key: [paths.figures],
    params=(
        "targets",
        "model",
        "detection",
        "evaluation.confidence",
        "report",
        "tested",
        "train.seeds",
    ),
    deciding=deciding.FIGURES,
    reads=lambda key: ("val",),
)

CLAIMS = Stage(
    name="claims",
    summary="the paper's claims, judged",
    inputs=_measured,
    user_files=_record,
    outputs=lambda paths, key: [paths.claims, paths.seeds],
    # all that says whether the run is comparable with the paper
    params=(*TRAIN.params, "detection", "variants", "report", "tested", "evaluation.confidence"),
    deciding=deciding.CLAIMS,
)

REPORT = Stage(
    name="report",
    summary="the page that shows it all",
    inputs=_shown,
    outputs=lambda paths, key: [paths.page],
    params=(
        "targets",
        "augmentation",
        "model",
        "losses",
        "train",
        "detection",
        "evaluation",
        "corners",
        "report",
        "variants",
        "tested",
    ),
    deciding=deciding.REPORT,
)

OF_REPORTS = (TABLES, FIGURES, CLAIMS, REPORT)
