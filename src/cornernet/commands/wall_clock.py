"""How long all trainings take on a number of GPUs, for `cornernet plan`."""

from collections.abc import Sequence
from dataclasses import dataclass

from cornernet.commands.rates import Rates
from cornernet.config import resolve_variant
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
