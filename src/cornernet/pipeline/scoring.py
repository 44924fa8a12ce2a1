"""The matched detections of a test: what `evaluate`, `tables` and `figures` score."""

from pathlib import Path

from cornernet.evaluation.coco_metrics import Evaluated, evaluate_detections
from cornernet.evaluation.server import score_submission
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Tested


def evaluated(graph: Graph, tested: Tested) -> Evaluated:
    """The matched detections of a test whose annotations, or answers, are at hand."""
    data, paths = graph.params.data, graph.paths
    root = Path(data.root)
    if tested.split == "test_dev":
        assert data.shapes is not None  # only the embedded data set has a local server
        return score_submission(paths.submission(tested), root / data.shapes.answers)
    annotations = root / data.splits[tested.split].annotations
    return evaluate_detections(annotations, paths.detections(tested))
