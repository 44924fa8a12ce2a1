"""`cornernet plan`: what a profile would run, its disk and GPU hours, before anything starts."""

import argparse
import json
import shutil
from dataclasses import dataclass

from cornernet.config import Params, resolve_variant
from cornernet.data.manifest import describe_download
from cornernet.model.cost import BYTES, network_cost
from cornernet.paths import Trained
from cornernet.stages.graph import Graph
from cornernet.stages.options import params_of

COCO_CATEGORIES = 80
# "Around 2 weeks with 10 Titan X" for 500,000 iterations of 49 images, the authors say (issue 67 of
# their repository): of a network whose forward pass in training takes 904.6 GFLOP an image.
AUTHORS_GPU_SECONDS_PER_IMAGE = 14 * 86400 * 10 / (500_000 * 49)
AUTHORS_OPERATIONS_PER_IMAGE = 904.63e9
ADAM_COPIES = 3  # weights and two moments
BYTES_PER_DETECTION = 130
GIB = 2**30


@dataclass(frozen=True)
class Training:
    """One model to train."""

    trained: Trained
    start: int
    iterations: int
    batch: int

    @property
    def images(self) -> int:
        return (self.iterations - self.start) * self.batch


def run(options: argparse.Namespace) -> None:
    """Print the plan of a profile."""
    params = params_of(options)
    graph = Graph(params)
    categories, images = _known_data(graph)
    trainings = [_training(graph, trained) for trained in graph.trained]
    cost = network_cost(params.model, categories, params.augmentation.input_size, last_only=False)
    print(f"profile {params.profile}: {params.report.title}")
    print(
        f"network: {cost.parameters:,} parameters, {cost.operations / 1e9:,.1f} GFLOP forward for "
        f"a training image of {params.augmentation.input_size} pixels, {categories} categories"
    )
    _print_trainings(params, trainings, cost.operations)
    print(f"\ntests ({len(graph.tested)}):")
    for tested in graph.tested:
        print(f"  {tested}" + (f"  {images[tested.split]:,} images" if images else ""))
    _print_disk(params, graph, cost.parameters, images)


def _known_data(graph: Graph) -> tuple[int, dict[str, int]]:
    """Categories and images a split, as prepared; COCO's number of categories before that."""
    if not graph.paths.dataset.is_file():
        return COCO_CATEGORIES, {}
    dataset = json.loads(graph.paths.dataset.read_text())
    images = {name: split["images"] for name, split in dataset["splits"].items()}
    return len(dataset["categories"]), images


def _training(graph: Graph, trained: Trained) -> Training:
    train = resolve_variant(graph.params, trained.variant).train
    parent = graph.parent(trained)
    start = 0 if parent is None else _training(graph, parent).iterations
    return Training(trained, start, train.iterations, sum(train.chunks))


def _print_trainings(params: Params, trainings: list[Training], operations: int) -> None:
    share = operations / AUTHORS_OPERATIONS_PER_IMAGE
    rate = AUTHORS_GPU_SECONDS_PER_IMAGE * share
    print(f"\ntrainings ({len(trainings)}), each asks for {params.train.devices} GPU(s):")
    total = 0.0
    for training in trainings:
        hours = training.images * rate / 3600
        total += hours
        print(
            f"  {training.trained}: iterations {training.start:,} to {training.iterations:,}, "
            f"{training.batch} images each, {hours:,.1f} GPU hours"
        )
    print(f"  together {total:,.1f} GPU hours, at the speed of the authors' Titan X (PASCAL)")


def _print_disk(params: Params, graph: Graph, parameters: int, images: dict[str, int]) -> None:
    model = parameters * BYTES
    kept = len(graph.trained) * model * (1 + ADAM_COPIES)
    checkpoints = params.train.keep_checkpoints * model * ADAM_COPIES
    detections = sum(
        images.get(tested.split, 0) * params.detection.max_detections * BYTES_PER_DETECTION
        for tested in graph.tested
    )
    fetched, peak = (0, 0)
    if params.data.source == "coco":
        fetched, peak = describe_download(params.data.files, params.data.splits)
    print("\ndisk:")
    for what, size in (
        ("to download", fetched),
        ("images and annotations, while they are unpacked", peak),
        ("final models and their states", kept),
        ("checkpoints of each training, while it runs", checkpoints),
        ("detections", detections),
    ):
        print(f"  {what}: {size / GIB:,.1f} GiB")
    print(f"  free here: {shutil.disk_usage('.').free / GIB:,.1f} GiB")
