"""`cornernet plan`: what a profile would run, its time and disk, before anything starts."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from cornernet.commands.duration import (
    Rates,
    Training,
    describe_cards,
    describe_gpus,
    rates_by_card,
    trainings_of,
)
from cornernet.config import Params
from cornernet.data.coco.dataset import read_dataset
from cornernet.data.download.archive import needed_archives, peak_bytes
from cornernet.data.shapes.render import CATEGORIES
from cornernet.errors import BadInput
from cornernet.files import free_bytes
from cornernet.model.cost import BYTES, Cost, network_cost
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Tested
from cornernet.training.group import images_in_turn

COCO_CATEGORIES = 80
COCO_IMAGES = {"train": 118_287, "val": 5_000, "test_dev": 20_288}  # of 2017, its web site says
ADAM_COPIES = 3  # weights and two moments
BYTES_PER_DETECTION = 130  # of the JSON that `predict` writes
MIB, GIB = 2**20, 2**30
SMALL = 100e9  # operations: a tenth of Hourglass-104's; below, launching a kernel takes the time
BENCHMARKS = Path("reports/benchmarks")


def run(options: argparse.Namespace) -> None:
    """Print the plan of a profile; speed is measured here if there is a GPU or it is asked for."""
    params = params_of(options, shipped=True)
    gpus = params.train.devices if options.gpus is None else options.gpus
    if gpus < 1:
        raise BadInput(f"--gpus {gpus}: must be at least 1")
    graph = Graph(params)
    categories, images, source = _known_data(graph)
    size = params.augmentation.input_size
    cost = network_cost(params.model, categories, (size, size), last_only=False)
    print(f"profile {params.profile}: {params.report.title}")
    print(
        f"network: {cost.parameters:,} parameters, {cost.operations / 1e9:,.4g} GFLOP forward for "
        f"a training image of {size} pixels, {categories} categories ({source})",
        flush=True,
    )
    cards = rates_by_card(params, cost.operations, BENCHMARKS)
    if torch.cuda.is_available() if options.measure is None else options.measure:
        from cornernet.commands.measurement import measured_rates  # with numba

        cards.insert(0, measured_rates(params, categories))
    trainings = trainings_of(graph)
    if trainings:
        _print_trainings(trainings, params, gpus, cards[0], images.get("val", 0))
    tests = _print_tests(graph, images, cards[0])
    if cost.operations < SMALL:
        print("\na network this small takes longer than its operations say; `--measure` times it")
    elif trainings:
        print("\n" + "\n".join(describe_gpus(trainings, gpus, cards[0], cost)))
        print(f"\nwall-clock time on {gpus} GPUs of one kind, in {params.train.precision}:")
        print("\n".join(describe_cards(trainings, gpus, tests, cards)))
    if trainings:
        print(f"\n{_memory(params, cards, cost)}")
    _print_disk(graph, cost.parameters, images)


def _known_data(graph: Graph) -> tuple[int, dict[str, int], str]:
    """The number of categories, of images per split, and where they are known from.

    As `prepare` found them; before it ran, those of COCO, of the embedded shapes, or of the user's
    annotation files. Raises BadInput if one of these cannot be read.
    """
    data = graph.params.data
    if graph.paths.dataset.is_file():
        dataset = read_dataset(graph.paths.dataset)
        images = {name: split.images for name, split in dataset.splits.items()}
        return len(dataset.categories), images, str(graph.paths.dataset)
    if data.source == "shapes" and data.shapes is not None:
        images = {name: data.shapes.images.get(name, 0) for name in data.splits}
        return len(CATEGORIES), images, "the embedded shapes"
    if data.source == "coco":
        return COCO_CATEGORIES, COCO_IMAGES, "COCO"
    from cornernet.data.coco.annotations import read_annotation_file  # with pandas
    from cornernet.data.coco.split import has_annotations

    paths = {name: Path(data.root) / files.annotations for name, files in data.splits.items()}
    files = {
        name: read_annotation_file(path, has_annotations(name))
        for name, path in paths.items()
        if path.is_file()
    }
    if "train" not in files:
        return COCO_CATEGORIES, {}, f"as many as COCO has: {paths['train']} is not there yet"
    images = {name: len(file.images) for name, file in files.items()}
    return len(files["train"].categories), images, str(paths["train"])


def _print_trainings(
    trainings: Sequence[Training], params: Params, gpus: int, rates: Rates, val_images: int
) -> None:
    print(f"\ntrainings ({len(trainings)}), hours of one {rates.name} ({rates.source}):")
    total = 0.0
    for training in trainings:
        images, iterations = sum(training.chunks), training.iterations
        seconds = len(iterations) * images * rates.training
        total += seconds
        print(
            f"  {training.trained}: iterations {iterations.start:,} to {iterations.stop:,}, "
            f"{images} images each, {_hours(seconds)}"
        )
    print(f"  together {_hours(total)}")
    validate = params.train.validate
    if validate.every:
        # One GPU tests while the others wait.
        step = images_in_turn(params.train.chunks, gpus) * rates.training
        count = validate.images or val_images
        share = count * rates.testing / (validate.every * step)
        print(f"  and {share:.2%} for testing {count} images every {validate.every:,} iterations")


def _print_tests(graph: Graph, images: dict[str, int], rates: Rates) -> float:
    """Returns the number of images to test, as if all were tested at scale 1."""
    uncounted = "" if images else ", of images that `prepare` will count"
    corners = graph.with_corners
    print(f"\ntests ({len(graph.tested)}), measurements of corners ({len(corners)}){uncounted}:")
    jobs = {str(tested): tested for tested in graph.tested}
    jobs |= {f"corners of {model}": Tested(model, "val", "single_scale") for model in corners}
    total = 0.0
    for name, tested in jobs.items():
        model = graph.weights_of(tested.trained)
        whose = f", with the weights of {model}" if model != tested.trained else ""
        if tested.split not in images:
            print(f"  {name}{whose}")
            continue
        scales = graph.params.detection.scales_of(tested.mode)
        count = images[tested.split]
        at_scale_1 = count * sum(scale**2 for scale in scales)
        total += at_scale_1
        print(f"  {name}: {count:,} images, {_hours(at_scale_1 * rates.testing)}{whose}")
    if images:
        print(f"  together {_hours(total * rates.testing)}")
    return total


def _hours(seconds: float) -> str:
    """Hours, or seconds below a tenth of an hour."""
    return f"{seconds / 3600:,.1f} hours" if seconds >= 360 else f"{seconds:,.0f} seconds"


def _size(size: int) -> str:
    """Bytes in GiB, or in MiB below a tenth of a GiB."""
    return f"{size / GIB:,.1f} GiB" if size >= GIB / 10 else f"{size / MIB:,.1f} MiB"


def _memory(params: Params, cards: Sequence[Rates], cost: Cost) -> str:
    """What a GPU needs for each size of chunk: measured on the first card that was, or counted."""
    sizes = sorted(set(params.train.chunks))
    measured = next((rates for rates in cards if rates.memory), None)
    found = measured.memory if measured else {n: cost.training_memory(n) for n in sizes}
    chunks = ", ".join(f"{_size(found[n])} for a chunk of {n} images" for n in sizes)
    if measured:
        return f"memory of a GPU: {chunks} (the peak that was measured on {measured.name})"
    return (
        f"memory of a GPU: at least {chunks} (weights, gradients, Adam's moments, and what the "
        "forward pass keeps, in fp32)"
    )


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
        archives = needed_archives(data.files, data.splits)
        fetched = sum(archive.bytes for archive in archives)
        unpacked = "images and annotations, while they are unpacked"
        sizes = {"to download": fetched, unpacked: peak_bytes(archives)} | sizes
    print("\ndisk:")
    for what, size in sizes.items():
        if size:
            print(f"  {what}: {_size(size)}")
    print(f"  free on the disk of {graph.paths.data}/: {_size(free_bytes(graph.paths.data))}")
