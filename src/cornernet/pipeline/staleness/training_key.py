"""What tells trainings apart that differ in more than their seed: for the record of their noise."""

from cornernet.data.coco.dataset import Dataset
from cornernet.pipeline.descriptions.models import TRAIN
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained
from cornernet.pipeline.provenance import digest
from cornernet.pipeline.staleness.code import code_of
from cornernet.pipeline.staleness.resolved import params_of_job


def training_keys(graph: Graph, dataset: Dataset) -> dict[str, str]:
    """By variant: the digest of the params, the code and the data that decide its training.

    And of the training that it goes on from. The same on any machine, in any profile.
    """
    shared = [code_of(TRAIN.deciding), dataset.splits["train"].digests]

    def key_of(model: Trained) -> str:
        parent = graph.parent(model)
        before = None if parent is None else key_of(parent)
        return digest([params_of_job(graph.params, TRAIN, model), *shared, before])

    return {model.variant: key_of(model) for model in graph.trained}
