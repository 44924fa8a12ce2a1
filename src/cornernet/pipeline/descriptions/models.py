"""One model per variant and seed, trained or imported; its detections, and what they are worth."""

from pathlib import Path

from cornernet.errors import BadInput
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.stage import Key, Stage, model_of, test_of
from cornernet.pipeline.staleness import deciding
from cornernet.training.history import HISTORY

TESTED = ("variant", "seed", "split", "mode")


def _train_inputs(graph: Graph, key: Key) -> list[Path]:
    """The data, and what a variant starts from: another's state, or the weights of `train.init`.

    Raises BadInput for a variant that is not trained, or that is to start from its own weights.
    """
    trained, paths = model_of(key), graph.paths
    variant = graph.params.variants[trained.variant]
    if variant.weights_of is not None:
        raise BadInput(
            f"{trained.variant} is not trained, it is tested with the weights of "
            f"{variant.weights_of}: `cornernet train --variant {variant.weights_of}`"
        )
    if variant.imported:
        raise BadInput(
            f"{trained.variant} is not trained; `cornernet import-weights RELEASED.pkl --out "
            f"{paths.weights(trained)}` imports it"
        )
    parent, init = graph.parent(trained), graph.init_of(trained)
    if init == paths.weights(trained):
        raise BadInput(f"train.init: {init} is what the training writes; start from a copy of it")
    begin = [] if parent is None else [paths.state(parent)]
    return [paths.dataset, paths.radii, *begin, *([] if init is None else [init])]


def _train_outputs(paths: Paths, key: Key) -> list[Path]:
    """Checkpoints are no declared outputs: a killed job goes on from them."""
    trained = model_of(key)
    return [
        paths.weights(trained),
        paths.state(trained),
        paths.history(trained),
        paths.model_provenance(trained),
    ]


TRAIN = Stage(
    name="train",
    summary="one variant with one seed, from where it was stopped if it was",
    jobs=lambda graph: graph.trained,
    keys=("variant", "seed"),
    inputs=_train_inputs,
    outputs=_train_outputs,
    params=(
        "data.keep_crowd",
        "data.keep_empty",
        "targets",
        "augmentation",
        "model",
        "losses",
        "train.iterations",
        "train.learning_rate",
        "train.learning_rate_drops",
        "train.chunks",
        "train.threads",
        "train.precision",
        "train.init",
    ),
    by_variant=True,
    deciding=deciding.TRAIN,
    reads=lambda key: ("train",),
    on_gpus=True,
    plots=f".{HISTORY}",
)

IMPORT_WEIGHTS = Stage(
    name="import_weights",
    summary="turn the authors' released weights into this project's format",
    jobs=lambda graph: graph.imported,
    keys=("variant", "seed"),
    inputs=lambda graph, key: [] if graph.released is None else [graph.released],
    outputs=lambda paths, key: [paths.weights(model_of(key))],
    params=("model",),
    deciding=deciding.IMPORT,
)


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

OF_MODELS = (TRAIN, IMPORT_WEIGHTS, PREDICT, CORNERS, SUBMIT, EVALUATE)
