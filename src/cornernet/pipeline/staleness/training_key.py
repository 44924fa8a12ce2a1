"""What tells trainings apart that differ in more than their seed: for the record of their noise."""

from cornernet.data.coco.dataset import Dataset
from cornernet.files import hash_file
from cornernet.pipeline.descriptions.models import TRAIN
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained
from cornernet.pipeline.provenance import digest
from cornernet.pipeline.staleness.code import code_of
from cornernet.pipeline.staleness.resolved import params_of_job


def training_keys(graph: Graph, dataset: Dataset) -> dict[str, str]:
    """By variant: the digest of the params, the code and the data that decide its training.

    And of the training, or the weights, that it starts from. The same in any profile.
    """
    shared = [code_of(TRAIN.deciding), dataset.splits["train"].digests]

    def key_of(model: Trained) -> str:
        parent, init = graph.parent(model), graph.init_of(model)
        before = None if parent is None else key_of(parent)
        if init is not None and init.is_file():
            before = hash_file(init).sha256
        return digest([params_of_job(graph.params, TRAIN, model), *shared, before])

    return {model.variant: key_of(model) for model in graph.trained}
