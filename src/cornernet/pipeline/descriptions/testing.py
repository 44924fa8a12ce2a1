"""Detections of a trained model on a split, and what they are worth."""

from pathlib import Path

from cornernet.pipeline.graph import Graph
from cornernet.pipeline.stage import Key, Stage, model_of, test_of
from cornernet.pipeline.staleness import deciding

TESTED = ("variant", "seed", "split", "mode")


def _data_and_weights(graph: Graph, key: Key) -> list[Path]:
    """The weights of a variant: its own, or those of the one that it names."""
    return [graph.paths.dataset, graph.paths.weights(graph.weights_of(model_of(key)))]


def _to_evaluate(graph: Graph, key: Key) -> list[Path]:
    """Detections; of test-dev, which is scored by a server, the submission."""
    paths, tested = graph.paths, test_of(key)
    submitted = tested.split == "test_dev"
    return [paths.dataset, (paths.submission if submitted else paths.detections)(tested)]


def _server_scores(graph: Graph, key: Key) -> list[Path]:
    """The evaluation server's answer, which the user saves beside the submission."""
    tested = test_of(key)
    return [graph.paths.server_scores(tested)] if tested.split == "test_dev" else []


PREDICT = Stage(
    name="predict",
    summary="detections of a trained model on a split",
    jobs=lambda graph: graph.tested,
    keys=TESTED,
    inputs=_data_and_weights,
    outputs=lambda paths, key: [paths.detections(test_of(key))],
    params=("model", "detection"),
    by_variant=True,
    deciding=deciding.PREDICT,
    reads=lambda key: (test_of(key).split,),
    on_gpus=True,
)

CORNERS = Stage(
    name="corners",
    summary="corners that a model finds on val, for the journal version's measurement",
    jobs=lambda graph: graph.with_corners,
    keys=("variant", "seed"),
    inputs=_data_and_weights,
    outputs=lambda paths, key: [paths.corners(model_of(key))],
    params=("model", "detection"),
    by_variant=True,
    deciding=deciding.CORNERS,
    reads=lambda key: ("val",),
    on_gpus=True,
)

SUBMIT = Stage(
    name="submit",
    summary="the zip that the test-dev evaluation server takes",
    jobs=lambda graph: graph.submitted,
    keys=("variant", "seed", "mode"),
    inputs=lambda graph, key: [graph.paths.dataset, graph.paths.detections(test_of(key))],
    outputs=lambda paths, key: [paths.submission(test_of(key))],
    params=("profile",),
    deciding=deciding.SUBMIT,
    reads=lambda key: ("test_dev",),
)

EVALUATE = Stage(
    name="evaluate",
    summary="COCO metrics with confidence intervals",
    jobs=lambda graph: graph.tested,
    keys=TESTED,
    inputs=_to_evaluate,
    user_files=_server_scores,
    outputs=lambda paths, key: [paths.metrics(test_of(key))],
    params=("evaluation",),
    deciding=deciding.EVALUATE,
    reads=lambda key: (test_of(key).split,),
    metrics=True,
)
