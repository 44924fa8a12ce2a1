"""`cornernet plan`: what a profile would run, its disk and GPU hours, before anything starts."""

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from cornernet.commands.rates import Rates, authors_rates
from cornernet.config import Params, resolve_variant
from cornernet.data.download.manifest import describe_download
from cornernet.model.cost import BYTES, network_cost
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained

COCO_CATEGORIES = 80
COCO_IMAGES = {"train": 118_287, "val": 5_000, "test_dev": 20_288}  # of 2017, its web site says
ADAM_COPIES = 3  # weights and two moments
BYTES_PER_DETECTION = 130  # of the JSON that `predict` writes
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class PlannedTraining:
    """One model to train: `start` and `iterations` are its first and last iteration."""

    trained: Trained
    start: int
    iterations: int
    batch: int

    @property
    def images(self) -> int:
        return (self.iterations - self.start) * self.batch


def run(options: argparse.Namespace) -> None:
    """Print the plan of a profile; speed is measured here if there is a GPU or it is asked for."""
    params = params_of(options, shipped=True)
    graph = Graph(params)
    categories, images = _known_data(graph)
    trainings = [_training(graph, trained) for trained in graph.trained]
    size = params.augmentation.input_size
    cost = network_cost(params.model, categories, size, last_only=False)
    print(f"profile {params.profile}: {params.report.title}")
    print(
        f"network: {cost.parameters:,} parameters, {cost.operations / 1e9:,.1f} GFLOP forward for "
        f"a training image of {size} pixels, {categories} categories",
        flush=True,
    )
    rates = _rates(options, params, categories, cost.operations)
    _print_trainings(params, trainings, rates)
    _print_tests(params, graph, images, rates)
    print(f"\nhours: {rates.source}")
    _print_memory(params, rates)
    _print_disk(params, graph, cost.parameters, images)


def _rates(options: argparse.Namespace, params: Params, categories: int, operations: int) -> Rates:
    """Measured here, or the authors' own scaled by the network's operations."""
    measure = has_gpu() if options.measure is None else options.measure
    if not measure:
        return authors_rates(operations)
    from cornernet.commands.measured_rates import measured_rates  # torch: seconds to import

    return measured_rates(params, categories)


def has_gpu() -> bool:
    """Whether NVIDIA's driver shows a device; asked without torch, whose import takes seconds."""
    return Path("/proc/driver/nvidia/gpus").is_dir() or Path("/dev/nvidia0").exists()


def _known_data(graph: Graph) -> tuple[int, dict[str, int]]:
    """The number of categories, and of images per split.

    As `prepare` found them; before it ran, those of COCO or of the embedded shapes.
    """
    data = graph.params.data
    if not graph.paths.dataset.is_file():
        if data.source == "shapes" and data.shapes is not None:
            from cornernet.data.shapes.render import CATEGORIES  # imports numpy

            return len(CATEGORIES), {name: data.shapes.images.get(name, 0) for name in data.splits}
        return COCO_CATEGORIES, COCO_IMAGES if data.source == "coco" else {}
    dataset = json.loads(graph.paths.dataset.read_text())
    images = {name: split["images"] for name, split in dataset["splits"].items()}
    return len(dataset["categories"]), images


def _training(graph: Graph, trained: Trained) -> PlannedTraining:
    train = resolve_variant(graph.params, trained.variant).train
    parent = graph.parent(trained)
    start = 0 if parent is None else _training(graph, parent).iterations
    return PlannedTraining(trained, start, train.iterations, sum(train.chunks))


def _print_trainings(params: Params, trainings: list[PlannedTraining], rates: Rates) -> None:
    print(f"\ntrainings ({len(trainings)}), each asks for {params.train.devices} GPU(s):")
    total = 0.0
    for training in trainings:
        seconds = training.images * rates.training
        total += seconds
        print(
            f"  {training.trained}: iterations {training.start:,} to {training.iterations:,}, "
            f"{training.batch} images each, {_time(seconds, rates)}"
        )
    print(f"  together {_time(total, rates)}")


def _print_tests(params: Params, graph: Graph, images: dict[str, int], rates: Rates) -> None:
    print(f"\ntests ({len(graph.tested)}):")
    total = 0.0
    for tested in graph.tested:
        model = graph.weights_of(tested.trained)
        whose = f", with the weights of {model}" if model != tested.trained else ""
        if not images:
            print(f"  {tested}{whose}")
            continue
        scales = params.detection.scales if tested.mode == "multi_scale" else (1.0,)
        count = images[tested.split]
        seconds = count * rates.testing * sum(scale**2 for scale in scales)
        total += seconds
        print(f"  {tested}: {count:,} images, {_time(seconds, rates)}{whose}")
    if images:
        print(f"  together {_time(total, rates)}")


def _time(seconds: float, rates: Rates) -> str:
    """Hours of a device, or seconds below a tenth of an hour."""
    hours = seconds / 3600
    if hours < 0.1:
        return f"{seconds:,.0f} {rates.device}seconds"
    return f"{hours:,.1f} {rates.device}hours"


def _size(size: int) -> str:
    """Bytes in GiB, or in MiB below a tenth of a GiB."""
    return f"{size / GIB:,.1f} GiB" if size >= GIB / 10 else f"{size / MIB:,.1f} MiB"


def _print_memory(params: Params, rates: Rates) -> None:
    sizes = sorted(set(params.train.chunks))
    if not rates.memory:
        chunks = " or ".join(map(str, sizes))
        print(
            f"\nmemory of a GPU for a chunk of {chunks} images: not measured, no GPU was found; "
            "--measure counts what training keeps, without one"
        )
        return
    print(f"\nmemory of a GPU, {rates.memory_source}:")
    for size in sizes:
        print(f"  a chunk of {size} images: {_size(rates.memory[size])}")


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
        ("final models in MLflow's registry", (len(graph.trained) + len(graph.imported)) * model),
        ("detections", detections),
    ):
        print(f"  {what}: {_size(size)}")
    print(
        f"  free on the disk of {graph.paths.data}/: {_free_bytes(graph.paths.data) / GIB:,.1f} GiB"
    )


def _free_bytes(folder: Path) -> int:
    """Free bytes of the disk that `folder` is on, or will be once it is made."""
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free
