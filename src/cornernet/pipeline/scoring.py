"""The files of a test: what `evaluate`, `tables` and `figures` score."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cornernet.evaluation.submission import read_submission
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Tested


def tested_files(graph: Graph, tested: Tested) -> tuple[Path, Path | Sequence[dict[str, Any]]]:
    """The annotations of a test's split, and its detections: of test-dev, those of the zip."""
    data, paths = graph.params.data, graph.paths
    root = Path(data.root)
    if tested.split == "test_dev":
        assert data.shapes is not None  # only the embedded data set has a local server
        return root / data.shapes.answers, read_submission(paths.submission(tested))
    return root / data.splits[tested.split].annotations, paths.detections(tested)
