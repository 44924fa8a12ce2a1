"""One model per variant and seed, trained or imported."""

from pathlib import Path

from cornernet.errors import BadInput
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.stage import Key, Stage, model_of
from cornernet.pipeline.staleness import deciding
from cornernet.training.history import HISTORY


def _train_inputs(graph: Graph, key: Key) -> list[Path]:
    """The data, and the state of the model that a variant goes on from, if it continues one.

    Raises BadInput for a variant that is not trained.
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
    parent = graph.parent(trained)
    state = [] if parent is None else [paths.state(parent)]
    return [paths.dataset, paths.radii, *state]


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
    summary="train one variant with one seed, or go on where it was stopped",
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
