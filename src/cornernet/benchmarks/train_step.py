"""A step of training: the paper's chunks through Hourglass-104 in bf16, as `train` takes it.

First with the input in memory already: compiled; uncompiled; and with kernels that add in any
order. Then with the real loader on all cores, whose share of that is what the loader costs.
"""

import dataclasses
import os
import tempfile
import time
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path

import torch

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.floors import matrix_rate
from cornernet.benchmarks.gpu import forget_peak, note_of, peak_gigabytes, rates, synchronizer
from cornernet.benchmarks.made_chunks import (
    CATEGORIES,
    made_chunk,
    made_chunks,
    quick_params,
)
from cornernet.benchmarks.photos import made_photos, photos_of_coco
from cornernet.benchmarks.record import Claim, Measurement, Result, floor_of, timed
from cornernet.benchmarks.timing import Side, Spread, Times, time_in_turn
from cornernet.config.schema import Params
from cornernet.data.chunks import Chunk
from cornernet.data.samples import TrainingSamples
from cornernet.model.cost import network_cost
from cornernet.training.processes import Processes
from cornernet.training.settings import training_settings
from cornernet.training.signals import StopRequest
from cornernet.training.step import chunk_losses
from cornernet.training.trainer import Trainer

COMPILED, PLAIN, ANY_ORDER = "compiled", "uncompiled", "uncompiled, any order of additions"
AIM = 120.0  # images a second on one H100
AIM_LOADER = 0.95  # of the speed with the input in memory
CHUNK_SIZES = (1, 4, 5, 8)
# Multiplications and additions: forward once, backward once for the maps and once for the weights.
PASSES = 3
SAME = 0.02  # of a loss; bf16 keeps 8 bits, and the compiled network rounds less often
LOADED_ITERATIONS = 8


def run(conditions: Conditions) -> Result:
    """Time steps, measure memory by chunk size, then feed the fastest from the real loader."""
    params, categories = _asked(conditions)
    device, lines = conditions.device, list[str]()
    chunks = made_chunks(categories, params)
    chunks = {number: chunk.to(device) for number, chunk in chunks.items()}
    window = conditions.window(rounds=7, seconds=30)
    trainers = {
        name: Trainer.create(one, categories, 0, None, Processes(), device, lines.append)
        for name, one in _kinds(params).items()
    }
    check = _check(trainers, chunks)
    steps: dict[str, Side] = {
        name: partial(_step, trainer, chunks) for name, trainer in trainers.items()
    }
    times = time_in_turn(steps, window, synchronizer(device))
    images = sum(params.train.chunks)
    memory = _memory(trainers[PLAIN], categories)
    loaded, origin = _with_loader(conditions, params, trainers[COMPILED], times[COMPILED])
    size = params.augmentation.input_size
    operations = PASSES * images * _forward(params, categories)
    peak = matrix_rate(torch.bfloat16, device, conditions.quick)
    speed = Spread.of([images / seconds for seconds in times[COMPILED].seconds])
    return Result(
        measurements=(
            *timed("a step", times, "bfloat16"),
            *rates("", times, images, "images/s", "bfloat16"),
            *memory,
            *loaded[0],
        ),
        claims=(Claim("input in memory", "images/s", speed, AIM), *loaded[1]),
        floors=tuple(
            floor_of("a step", name, "arithmetic", operations, peak, taken)
            for name, taken in times.items()
        ),
        checks=(check,),
        notes=(note_of(device, conditions.quick), origin, *lines),
        sizes={"chunks": list(params.train.chunks), "pixels": size, "categories": categories},
        window=window,
    )


def _asked(conditions: Conditions) -> tuple[Params, int]:
    params = quick_params(conditions.params) if conditions.quick else conditions.params
    workers = 0 if conditions.quick else max(1, (os.cpu_count() or 2) - 1)
    train = dataclasses.replace(
        params.train, precision="bf16", workers=workers, iterations=10**6, log_every=10**6
    )
    asked = dataclasses.replace(params, train=dataclasses.replace(train, checkpoint_every=10**6))
    return asked, CATEGORIES


def _kinds(params: Params) -> dict[str, Params]:
    kinds = {COMPILED: (True, True), PLAIN: (False, True), ANY_ORDER: (False, False)}
    return {
        name: dataclasses.replace(
            params,
            train=dataclasses.replace(params.train, compile=compiled, deterministic=deterministic),
        )
        for name, (compiled, deterministic) in kinds.items()
    }


def _step(trainer: Trainer, chunks: dict[int, Chunk]) -> None:
    with training_settings(trainer.params.train):
        trainer.step(repeat(chunks), StopRequest())


def _check(trainers: dict[str, Trainer], chunks: dict[int, Chunk]) -> str:
    """The first losses of all kinds agree; none of them is trained yet."""
    first = min(chunks)
    losses = {}
    for name, trainer in trainers.items():
        with training_settings(trainer.params.train):
            terms = chunk_losses(
                trainer.model,
                chunks[first],
                trainer.num_categories,
                trainer.params,
                trainer.losses_of,
                trainer.staging,
            )
        losses[name] = float(terms.total.detach())
    for name in (COMPILED, ANY_ORDER):
        allowed = SAME * abs(losses[PLAIN])
        require_same(f"loss, {name}", losses[name], losses[PLAIN], allowed)
    return f"losses of all kinds within {SAME:.0%} of the uncompiled one"


def _memory(trainer: Trainer, categories: int) -> list[Measurement]:
    """Peak memory of forward and backward by chunk size, weights and Adam's moments included."""
    device = str(trainer.device)
    found = []
    for images in CHUNK_SIZES:
        chunk = made_chunk(images, categories, trainer.params).to(device)
        forget_peak(device)
        try:
            with training_settings(trainer.params.train):
                _backward(trainer, chunk)
        except torch.OutOfMemoryError:
            break
        peak = peak_gigabytes(device)
        if peak is not None:
            case = f"a chunk of {images}"
            found.append(Measurement(case, "uncompiled", Spread.of([peak]), "GB", "bfloat16"))
    return found


def _backward(trainer: Trainer, chunk: Chunk) -> None:
    losses = chunk_losses(trainer.model, chunk, trainer.num_categories, trainer.params)
    losses.total.backward()


def _forward(params: Params, categories: int) -> int:
    size = params.augmentation.input_size
    return network_cost(params.model, categories, size, last_only=False).operations


def _with_loader(
    conditions: Conditions, params: Params, trainer: Trainer, alone: Times
) -> tuple[tuple[list[Measurement], list[Claim]], str]:
    """Steps fed by the loader, all images read from files and augmented; and from which files."""
    with tempfile.TemporaryDirectory() as folder:
        count = 4 if conditions.quick else 32
        split = photos_of_coco(conditions.data / "coco_mini", (480, 640), count)
        origin = "loader: photographs of COCO" if split else "loader: made photographs"
        if split is None:
            split = made_photos(Path(folder), (480, 640), count)
        samples = TrainingSamples(
            split, None, params.augmentation, params.targets, params.data, 0, cache_bytes=0
        )
        iterations = 2 if conditions.quick else LOADED_ITERATIONS
        seconds = _loaded_seconds(trainer, samples, iterations, conditions.device)
    images = sum(params.train.chunks)
    share = Spread.of([alone.spread.median / 1000 / value for value in seconds])
    found = Spread.of([images / value for value in seconds])
    workers = f"real loader, {params.train.workers} workers"
    return (
        [Measurement(workers, COMPILED, found, "images/s", "bfloat16")],
        [Claim(workers, "of the speed with the input in memory", share, AIM_LOADER)],
    ), origin


def _loaded_seconds(
    trainer: Trainer, samples: TrainingSamples, iterations: int, device: str
) -> list[float]:
    """Seconds of an iteration, in two halves; the first iterations fill the loader's queue."""
    synchronize, seconds = synchronizer(device), []
    with training_settings(trainer.params.train), closing(trainer.chunks(samples)) as source:
        for _ in range(2):
            trainer.step(source, StopRequest())
        for _ in range(2):
            synchronize()
            began = time.perf_counter()
            for _ in range(iterations):
                trainer.step(source, StopRequest())
            synchronize()
            seconds.append((time.perf_counter() - began) / iterations)
    return seconds
