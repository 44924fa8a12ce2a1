"""A step of training: the paper's chunks through Hourglass-104 in bf16, as `train` takes it.

First with the input in memory already, compiled beside uncompiled; then with the real loader on all
cores, whose share of that is what the loader costs. Kernels may add in any order here;
`train_step_repeatable` has the same with `train.deterministic`. They are two benchmarks because
compiling takes minutes: what was compiled once is kept on the disk, and a second call finds it.
"""

import dataclasses
import os
import sys
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
from cornernet.data.sampling.chunks import Chunk
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.model.cost import network_cost
from cornernet.model.losses import LossTerms
from cornernet.training.processes import Processes
from cornernet.training.settings import training_settings
from cornernet.training.signals import StopRequest
from cornernet.training.step import accumulate_gradients, chunk_losses
from cornernet.training.trainer import Trainer

COMPILED, PLAIN = "compiled", "uncompiled"
AIM = 120.0  # images a second on one H100
AIM_LOADER = 0.95  # of the speed with the input in memory
CHUNK_SIZES = (1, 4, 5, 8)
# Multiplications and additions: forward once, backward once for the maps and once for the weights.
PASSES = 3
SAME = 0.02  # of a loss; bf16 keeps 8 bits, and the compiled network rounds less often
LOADED_ITERATIONS = 8


def run(conditions: Conditions) -> Result:
    """Measure with kernels that may add in any order."""
    return _measured(conditions, deterministic=False)


def run_repeatable(conditions: Conditions) -> Result:
    """Measure with kernels that always add in one order, as the profiles train by default."""
    return _measured(conditions, deterministic=True)


def _measured(conditions: Conditions, deterministic: bool) -> Result:
    """Measure memory by chunk size, time steps, then feed the compiled from the real loader."""
    params, categories = _asked(conditions, deterministic)
    device, lines = conditions.device, list[str]()
    chunks = made_chunks(categories, params)
    chunks = {number: chunk.to(device) for number, chunk in chunks.items()}
    window = conditions.window(rounds=7, seconds=30)

    def trainer(compiled: bool) -> Trainer:
        train = dataclasses.replace(params.train, compile=compiled)
        one = dataclasses.replace(params, train=train)
        return Trainer.create(one, categories, 0, None, Processes(), device, lines.append)

    plain = trainer(compiled=False)
    memory = _memory(plain, categories, chunks)
    trainers = {COMPILED: trainer(compiled=True), PLAIN: trainer(compiled=False)}
    del plain
    began = time.perf_counter()
    check = _check(trainers, chunks)
    start = _first_step(trainers[COMPILED], chunks, began)
    steps: dict[str, Side] = {
        name: partial(_step, trainer, chunks) for name, trainer in trainers.items()
    }
    times = time_in_turn(steps, window, synchronizer(device))
    images = sum(params.train.chunks)
    loaded, origin = _with_loader(conditions, params, trainers[COMPILED], times[COMPILED])
    operations = PASSES * images * _forward(params, categories)
    peak = matrix_rate(torch.bfloat16, device, conditions.quick)
    speed = Spread.of([images / seconds for seconds in times[COMPILED].seconds])
    return Result(
        measurements=(
            *timed("a step", times, "bfloat16"),
            *rates("", times, images, "images/s", "bfloat16"),
            start,
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
        sizes={
            "chunks": list(params.train.chunks),
            "pixels": params.augmentation.input_size,
            "categories": categories,
            "deterministic": deterministic,
        },
        window=window,
    )


def _asked(conditions: Conditions, deterministic: bool) -> tuple[Params, int]:
    params = quick_params(conditions.params) if conditions.quick else conditions.params
    train = dataclasses.replace(
        params.train,
        precision="bf16",
        deterministic=deterministic,
        workers=0 if conditions.quick else max(1, (os.cpu_count() or 2) - 1),
        iterations=10**6,
        log_every=10**6,
        checkpoint_every=10**6,
    )
    return dataclasses.replace(params, train=train), CATEGORIES


def _step(trainer: Trainer, chunks: dict[int, Chunk]) -> None:
    with training_settings(trainer.params.train):
        trainer.step(repeat(chunks), StopRequest())


def _check(trainers: dict[str, Trainer], chunks: dict[int, Chunk]) -> str:
    """The first losses of both kinds agree, and how far their gradients are apart.

    Neither is trained yet. Losses can agree where gradients do not: on a CPU, torch 2.13's compiler
    does that to a small network in bf16. How far apart rounding alone takes a deep one nobody has
    looked yet, so the distance is told and not judged.
    """
    first = min(chunks)
    losses, gradients = {}, {}
    for name, trainer in trainers.items():
        trainer.gradients.clear()
        with training_settings(trainer.params.train):
            table = accumulate_gradients(
                trainer.model,
                {first: chunks[first]},
                1 + first,
                trainer.num_categories,
                trainer.params,
                trainer.device,
                trainer.losses_of,
                trainer.staging,
            )
        losses[name] = float(table[first, LossTerms._fields.index("total")])
        gradients[name] = trainer.gradients.vector.clone()
    allowed = SAME * abs(losses[PLAIN])
    require_same("loss, compiled", losses[COMPILED], losses[PLAIN], allowed)
    apart = float((gradients[COMPILED] - gradients[PLAIN]).norm() / gradients[PLAIN].norm())
    return (
        f"loss of the compiled network within {SAME:.0%} of the uncompiled one; gradients "
        f"{apart:.2f} apart (L2, relative)"
    )


def _first_step(trainer: Trainer, chunks: dict[int, Chunk], began: float) -> Measurement:
    """Take a step; seconds since `began`, when nothing was compiled yet."""
    _step(trainer, chunks)
    synchronizer(str(trainer.device))()
    seconds = time.perf_counter() - began
    print(f"compiled, and a first step taken: {seconds:.0f} s", file=sys.stderr, flush=True)
    return Measurement(
        "compiling, and the first step", COMPILED, Spread.of([seconds]), "s", "bfloat16"
    )


def _memory(trainer: Trainer, categories: int, chunks: dict[int, Chunk]) -> list[Measurement]:
    """Peak memory of forward and backward by chunk size, weights and Adam's moments included."""
    device = str(trainer.device)
    _step(trainer, chunks)  # makes the moments
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
            found.append(Measurement(case, PLAIN, Spread.of([peak]), "GB", "bfloat16"))
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
