"""How long a card takes per image, and all trainings on a number of them, for `cornernet plan`.

From the authors' own figures, from records of the benchmarks, or estimated.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cornernet.config import Params, resolve_variant
from cornernet.model.cost import Cost
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained
from cornernet.training.group import (
    describe_rounds,
    even_chunks,
    images_in_turn,
    rounds,
    useful_gpus,
)

# The part of a card's peak that a training reaches, by precision. Estimates, each from a training:
# fp32: the authors' own, 14 days x 10 TITAN X for 500,000 x 49 images of 3 x 904.6 GFLOP (issue 67
# of their repository). The others: ResNet-50 (24.5 GFLOP per training image) on an A100, 938 and
# 2470 images/s in NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/resnet50v1.5.
UTILISATION = {"fp32": 0.50, "tf32": 0.15, "bf16": 0.19}
TITAN_X = "TITAN X (Pascal)"

# Peak TFLOP/s by precision: dense, sums in fp32.
PEAK: dict[str, dict[str, float]] = {
    # 3,584 cores x 2 x 1.531 GHz: https://www.nvidia.com/en-us/titan/titan-x-pascal/ (11 TFLOPS)
    TITAN_X: {"fp32": 11.0},
    # V100 (SXM2) data sheet, NVIDIA, 2020
    "V100": {"fp32": 15.7},
    # Ada GPU architecture white paper, NVIDIA, 2022, appendix A
    "RTX 4090": {"fp32": 82.6, "tf32": 82.6, "bf16": 165.2},
    # A100 80GB (SXM) data sheet, NVIDIA, 2021
    "A100": {"fp32": 19.5, "tf32": 156, "bf16": 312},
    # H100 (SXM) data sheet, NVIDIA, 2023: half of its figures "with sparsity"
    "H100": {"fp32": 67, "tf32": 494, "bf16": 989},
}

# "Around 2 weeks with 10 Titan X" for 500,000 iterations of 49 images, the authors say (issue 67 of
# their repository): of a network whose forward pass in training takes 904.6 GFLOP per image.
AUTHORS_GPU_SECONDS_PER_IMAGE = 14 * 86400 * 10 / (500_000 * 49)
AUTHORS_TEST_SECONDS_PER_IMAGE = 0.244  # section 4.2
AUTHORS_OPERATIONS_PER_IMAGE = 904.63e9
# Of the network that `python -m benchmarks` times, the paper's; see tests/model/test_network.py.
BENCHMARKS_OPERATIONS_PER_IMAGE = 938_992_467_968
PASSES = 3  # forward, backward for the maps and backward for the weights


@dataclass(frozen=True)
class Rates:
    """Seconds of one device per image, and where these numbers come from."""

    name: str  # of the device
    training: float
    testing: float  # at one scale, the mirrored image included
    source: str
    memory: Mapping[int, int] = field(default_factory=dict)  # measured: bytes by size of chunk


def rates_by_card(params: Params, operations: int, benchmarks: Path) -> list[Rates]:
    """The authors' card first, then today's that have `train.precision`.

    Estimates, in proportion to the network's operations per training image (forward); what the
    benchmarks' records in the folder `benchmarks` have for a card replaces them.
    """
    relative = operations / AUTHORS_OPERATIONS_PER_IMAGE
    testing = AUTHORS_TEST_SECONDS_PER_IMAGE * relative
    training = AUTHORS_GPU_SECONDS_PER_IMAGE * relative
    found = {TITAN_X: Rates(TITAN_X, training, testing, "the authors and section 4.2")}
    kind, test_kind = params.train.precision, params.detection.precision
    authors_rate = PEAK[TITAN_X]["fp32"] * UTILISATION["fp32"]
    for name, peak in PEAK.items():
        if name != TITAN_X and kind in peak:
            seconds = PASSES * operations / (peak[kind] * 1e12 * UTILISATION[kind])
            tested = testing * authors_rate / (peak[test_kind] * UTILISATION[test_kind])
            source = f"estimate: {UTILISATION[kind]:.0%} of {peak[kind]:g} TFLOP/s in {kind}"
            found[name] = Rates(name, seconds, tested, source)
    relative = operations / BENCHMARKS_OPERATIONS_PER_IMAGE
    for path in sorted(benchmarks.glob("*.json")):  # "step" comes before "tested_image"
        record = json.loads(path.read_text())
        if record["device"] != "cuda" or record["quick"]:
            continue
        gpu = record["hardware"]["gpus"][0]
        name = next((name for name in PEAK if name in gpu), gpu)
        medians = {(m["what"], m["form"], m["unit"]): m["median"] for m in record["measurements"]}
        if step := medians.get(("a step", kind, "images/s")):
            before = found.get(name, Rates(gpu, training, testing, ""))
            found[name] = replace(before, training=relative / step, source=f"measured: {path}")
        test = medians.get(("one image with its mirror", test_kind, "ms"))
        if test and name in found:
            found[name] = replace(found[name], testing=relative * test / 1000)
    return list(found.values())


@dataclass(frozen=True)
class Training:
    """One training: what its time depends on."""

    trained: Trained
    continues: Trained | None  # which must be trained before
    iterations: range
    chunks: tuple[int, ...]

    def seconds(self, gpus: int, rates: Rates) -> float:
        """Wall-clock time on `gpus` GPUs."""
        return len(self.iterations) * images_in_turn(self.chunks, gpus) * rates.training


def trainings_of(graph: Graph) -> list[Training]:
    """Every training of a profile; one that another continues comes before it."""
    trains = {t: resolve_variant(graph.params, t.variant).train for t in graph.trained}
    found = []
    for trained, train in trains.items():
        parent = graph.parent(trained)
        start = trains[parent].iterations if parent else 0
        found.append(Training(trained, parent, range(start, train.iterations), train.chunks))
    return found


def all_seconds(trainings: Sequence[Training], gpus: int, each: int, rates: Rates) -> float:
    """Wall-clock time of all trainings on `gpus` GPUs, `each` for one training.

    As many as fit train side by side; one that continues another waits for it.
    """
    free = [0.0] * (gpus // each)  # when each group of GPUs is free again
    ends: dict[Trained, float] = {}
    for training in trainings:
        earliest = ends[training.continues] if training.continues else 0.0
        free[0] = max(free[0], earliest) + training.seconds(each, rates)
        ends[training.trained] = free[0]
        free.sort()
    return max(ends.values())


def describe_gpus(trainings: Sequence[Training], gpus: int, rates: Rates, cost: Cost) -> list[str]:
    """How many of the GPUs step together, what another number costs, and chunks that fit all."""
    first, chunks = trainings[0], trainings[0].chunks
    heads = ("GPUs per training", "rounds per step", "first training", "all trainings")
    useful = useful_gpus(len(chunks), gpus)
    lines = [describe_rounds(len(chunks), gpus)]
    lines += [_row(*heads, last=f"(wall-clock time, {rates.name})")]
    for each in sorted({useful_gpus(len(chunks), number) for number in range(1, gpus + 1)}):
        times = first.seconds(each, rates), all_seconds(trainings, gpus, each, rates)
        lines.append(_row(each, rounds(len(chunks), each), *map(duration, times)))
    if useful < gpus <= sum(chunks):
        even = even_chunks(sum(chunks), gpus)
        less = 1 - max(even) / images_in_turn(chunks, useful)
        size = cost.training_memory(max(even)) / 2**30
        over = [" or ".join(map(str, sorted(set(sizes)))) for sizes in (even, chunks)]
        lines += [
            f"`--set train.chunks=[{','.join(map(str, even))}]` keeps all {gpus} busy, in one "
            f"round: {less:.0%} less time per step, {size:,.1f} GiB per GPU at least. It deviates",
            f"from the paper: batch norm then takes its statistics over {over[0]} images, not "
            f"{over[1]}",
        ]
    return lines


def describe_cards(
    trainings: Sequence[Training], gpus: int, tests: float, cards: Sequence[Rates]
) -> list[str]:
    """One row per card; `tests`: images to test, as if all were tested at scale 1."""
    first, each = trainings[0], useful_gpus(len(trainings[0].chunks), gpus)
    heads = ("images/s per GPU", "first training", "all trainings", "GPU hours in all")
    lines = [f"{'':<18}{_row(*heads, last='known from')}"]
    images = sum(len(one.iterations) * sum(one.chunks) for one in trainings)
    for rates in cards:
        cells = (
            f"{1 / rates.training:,.1f}",
            duration(first.seconds(each, rates)),
            duration(all_seconds(trainings, gpus, each, rates)),
            f"{(images * rates.training + tests * rates.testing) / 3600:,.1f}",
        )
        lines.append(f"{rates.name:<18}{_row(*cells, last=rates.source)}")
    return lines


def _row(*cells: object, last: str = "") -> str:
    """Columns of a table, and what its rows end with."""
    return f"{''.join(f'{cell:>18}' for cell in cells)}  {last}".rstrip()


def duration(seconds: float) -> str:
    """Seconds as text, in the largest unit that gives 2 or more."""
    units = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
    unit = next((name for name, length in units.items() if seconds >= 2 * length), "seconds")
    return f"{seconds / units[unit]:,.1f} {unit}"
