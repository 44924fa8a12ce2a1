"""`cornernet plan`: what a profile would run, its disk and GPU hours, before anything starts."""

import argparse
import json
import os
import shutil
from pathlib import Path

import torch

from cornernet.commands.rates import Rates, authors_rates, measured_rates
from cornernet.config import Params, resolve_variant
from cornernet.data.download.manifest import describe_download
from cornernet.data.shapes.render import CATEGORIES
from cornernet.model.cost import BYTES, network_cost
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph

COCO_CATEGORIES = 80
COCO_IMAGES = {"train": 118_287, "val": 5_000, "test_dev": 20_288}  # of 2017, its web site says
ADAM_COPIES = 3  # weights and two moments
BYTES_PER_DETECTION = 130  # of the JSON that `predict` writes
MIB, GIB = 2**20, 2**30


def run(options: argparse.Namespace) -> None:
    """Print the plan of a profile; speed is measured here if there is a GPU or it is asked for."""
    params = params_of(options, shipped=True)
    graph = Graph(params)
    categories, images = _known_data(graph)
    size = params.augmentation.input_size
    cost = network_cost(params.model, categories, size, last_only=False)
    print(f"profile {params.profile}: {params.report.title}")
    print(
        f"network: {cost.parameters:,} parameters, {cost.operations / 1e9:,.4g} GFLOP forward for "
        f"a training image of {size} pixels, {categories} categories",
        flush=True,
    )
    measure = torch.cuda.is_available() if options.measure is None else options.measure
    rates = measured_rates(params, categories) if measure else authors_rates(cost.operations)
    if graph.trained:
        _print_trainings(graph, rates)
    _print_tests(graph, images, rates)
    print(f"\nhours: {rates.source}")
    if graph.trained:
        _print_memory(params, rates)
    _print_disk(graph, cost.parameters, images)


def _known_data(graph: Graph) -> tuple[int, dict[str, int]]:
    """The number of categories, and of images per split.

    As `prepare` found them; before it ran, those of COCO or of the embedded shapes.
    """
    data = graph.params.data
    if graph.paths.dataset.is_file():
        dataset = json.loads(graph.paths.dataset.read_text())
        images = {name: split["images"] for name, split in dataset["splits"].items()}
        return len(dataset["categories"]), images
    if data.source == "shapes" and data.shapes is not None:
        return len(CATEGORIES), {name: data.shapes.images.get(name, 0) for name in data.splits}
    return COCO_CATEGORIES, COCO_IMAGES if data.source == "coco" else {}


def _print_trainings(graph: Graph, rates: Rates) -> None:
    devices = graph.params.train.devices
    print(f"\ntrainings ({len(graph.trained)}), GPUs that each asks for: {devices}")
    total = 0.0
    for trained in graph.trained:
        train = resolve_variant(graph.params, trained.variant).train
        parent = graph.parent(trained)
        start = resolve_variant(graph.params, parent.variant).train.iterations if parent else 0
        seconds = (train.iterations - start) * sum(train.chunks) * rates.training
        total += seconds
        print(
            f"  {trained}: iterations {start:,} to {train.iterations:,}, "
            f"{sum(train.chunks)} images each, {_time(seconds, rates)}"
        )
    print(f"  together {_time(total, rates)}")


def _print_tests(graph: Graph, images: dict[str, int], rates: Rates) -> None:
    uncounted = "" if images else ", of images that `prepare` will count"
    print(f"\ntests ({len(graph.tested)}){uncounted}:")
    total = 0.0
    for tested in graph.tested:
        model = graph.weights_of(tested.trained)
        whose = f", with the weights of {model}" if model != tested.trained else ""
        if not images:
            print(f"  {tested}{whose}")
            continue
        scales = graph.params.detection.scales if tested.mode == "multi_scale" else (1.0,)
        count = images[tested.split]
        seconds = count * rates.testing * sum(scale**2 for scale in scales)
        total += seconds
        print(f"  {tested}: {count:,} images, {_time(seconds, rates)}{whose}")
    if images:
        print(f"  together {_time(total, rates)}")


def _time(seconds: float, rates: Rates) -> str:
    """Hours of a device, or seconds below a tenth of an hour."""
    hours = seconds / 3600
    if hours >= 0.1:
        return f"{hours:,.1f} {rates.device}hours"
    return f"{seconds:,.0f} {rates.device}seconds" if seconds >= 1 else "less than a second"


def _size(size: int) -> str:
    """Bytes in GiB, or in MiB below a tenth of a GiB."""
    return f"{size / GIB:,.1f} GiB" if size >= GIB / 10 else f"{size / MIB:,.1f} MiB"


def _print_memory(params: Params, rates: Rates) -> None:
    sizes = sorted(set(params.train.chunks))
    if not rates.memory:
        print(
            f"\nmemory of a GPU for a chunk of {' or '.join(map(str, sizes))} images: not "
            "measured; `--measure` measures it, and without a GPU counts what training keeps"
        )
        return
    print(f"\nmemory of a GPU, {rates.memory_source}:")
    for size in sizes:
        print(f"  a chunk of {size} images: {_size(rates.memory[size])}")


def _print_disk(graph: Graph, parameters: int, images: dict[str, int]) -> None:
    params, data = graph.params, graph.params.data
    model = parameters * BYTES
    detections = sum(
        images.get(tested.split, 0) * params.detection.max_detections * BYTES_PER_DETECTION
        for tested in graph.tested
    )
    models = len(graph.trained) + len(graph.imported)
    kept = params.train.keep_checkpoints * model * ADAM_COPIES
    sizes = {
        "final models and their states": len(graph.trained) * model * (1 + ADAM_COPIES),
        "checkpoints of each training, while it runs": min(len(graph.trained), 1) * kept,
        "final models in MLflow's registry": models * model,
        "detections": detections,
    }
    if data.source == "coco":
        fetched, peak = describe_download(data.files, data.splits)
        unpacked = "images and annotations, while they are unpacked"
        sizes = {"to download": fetched, unpacked: peak} | sizes
    print("\ndisk:")
    for what, size in sizes.items():
        if size:
            print(f"  {what}: {_size(size)}")
    free = _free_bytes(graph.paths.data)
    print(f"  free on the disk of {graph.paths.data}/: {free / GIB:,.1f} GiB")


def _free_bytes(folder: Path) -> int:
    """Free bytes of the disk that `folder` is on, or will be once it is made."""
    there = Path(os.path.realpath(folder))  # which a link that leads to itself does not stop
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free
