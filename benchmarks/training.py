"""Training: the demo's images per second, and a step of the paper's network on a GPU.

Both are held against the rate of one large convolution, measured in the same process: what part of
it a step reaches means something on another machine too.
"""

import dataclasses
import tempfile
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path

import torch

from benchmarks.measuring import (
    Settings,
    Window,
    convolution,
    rates,
    ratios,
    require_equal,
    time_in_turn,
)
from benchmarks.record import Record
from cornernet.commands.measurement import made_chunk, measure_step
from cornernet.config import load_params
from cornernet.config.schema import Params
from cornernet.data.coco.split import load_split
from cornernet.data.sampling.samples import Chunk, TrainingSamples
from cornernet.data.shapes.generate import generate_shapes
from cornernet.model.cost import network_cost
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import ChunkLosses
from cornernet.training.group import Group
from cornernet.training.trainer import ADAM_BETAS, ADAM_EPSILON, Trainer, training_settings

CATEGORIES, QUICK_CATEGORIES = 80, 3
NEVER = 10**6  # iterations until something besides steps is due
# Multiplications and additions: forward once, backward once for the maps and once for the weights.
PASSES = 3
CONVOLUTION = "one convolution"
PLAIN_LOOP = "plain loop, input in memory"
DEMO_WINDOW = Window(rounds=9, seconds=2.0)
STEP_WINDOW = Window(rounds=5, seconds=0.5, limit=60)
SAME_LOSS, SAME_GRADIENTS = 1e-4, 1e-3  # fp32 in another order, relative
SAME_LOSS_BF16 = 0.02  # bf16 keeps 8 bits


def demo_training(settings: Settings, record: Record) -> None:
    """Time steps of the demo's baseline, samples included, beside a loop as one would write it."""
    params = _without_ends(load_params("demo"))
    if settings.quick:
        params = quick_params(params)
    settings = dataclasses.replace(settings, threads=params.train.threads)
    with tempfile.TemporaryDirectory() as folder:
        samples, categories = _demo_samples(params, Path(folder) / "shapes", settings.quick)
        trainer = _trainer(params, categories, settings)
        plain = PlainLoop(params, categories)
        with training_settings(params.train), closing(trainer.chunks(samples)) as source:
            chunks = next(source)
            _require_same_step(trainer, plain, chunks, record)
            convolve, convolved = convolution(torch.float32, settings)
            forms = {
                "ours": lambda: trainer.step(source),
                PLAIN_LOOP: partial(plain.step, chunks),
                CONVOLUTION: convolve,
            }
            times = time_in_turn(forms, DEMO_WINDOW, settings)
    images, work = _describe(params, categories, record)
    record.window(DEMO_WINDOW)
    record.sizes(images=len(samples), threads=params.train.threads)
    for name in ("ours", PLAIN_LOOP):
        record.add("demo training", name, rates(images, times[name]), "images/s", "fp32")
    share = ratios(rates(work, times["ours"]), rates(convolved, times[CONVOLUTION]))
    what = "of the convolution's rate"
    record.add("demo training", what, share, "share", "fp32")


def paper_step(settings: Settings, record: Record) -> None:
    """Time steps of Hourglass-104 in bf16 and fp32, input in memory; then memory for each chunk."""
    params, categories = _paper(settings)
    half, full = (_with(params, precision=name, compile=False) for name in ("bf16", "fp32"))
    trainers = {"bf16": half, "fp32": full}
    made = {name: _trainer(one, categories, settings) for name, one in trainers.items()}
    _time_steps(made, settings, record)
    del made
    for name, one in trainers.items():
        _, memory = measure_step(one, categories, settings.device)  # of a CPU none is measured
        for images, size in memory.items():
            record.add(f"memory of a chunk of {images}", "peak", [size / 1e9], "GB", name)


def compiled_step(settings: Settings, record: Record) -> None:
    """Time steps in bf16, compiled beside uncompiled. Compiling takes minutes."""
    params, categories = _paper(settings)
    made = {
        "bf16, compiled": _trainer(_with(params, precision="bf16"), categories, settings),
        "bf16": _trainer(_with(params, precision="bf16", compile=False), categories, settings),
    }
    _time_steps(made, settings, record)


class PlainLoop:
    """The same training as one would write it: a backward pass per chunk, Adam as it comes."""

    def __init__(self, params: Params, num_categories: int) -> None:
        torch.manual_seed(0)
        self.losses = ChunkLosses(num_categories, params, torch.device("cpu"))
        self.model = CornerNet(num_categories, params.model).train()
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), params.train.learning_rate, ADAM_BETAS, ADAM_EPSILON
        )

    def gradients(self, chunks: dict[int, Chunk]) -> float:
        """The mean loss; its gradients are left in `.grad`."""
        self.optimizer.zero_grad()
        total = 0.0
        for chunk in chunks.values():
            loss = self.losses(self.model, chunk).total / len(chunks)
            loss.backward()
            total += loss.item()
        return total

    def step(self, chunks: dict[int, Chunk]) -> None:
        """One iteration."""
        self.gradients(chunks)
        self.optimizer.step()


def quick_params(params: Params) -> Params:
    """The same params with a tiny network and tiny chunks, for seconds on a CPU."""
    model = dataclasses.replace(
        params.model, dims=(16, 16), modules=(1, 1), stem_channels=16, pool_channels=16
    )
    return dataclasses.replace(
        params,
        model=model,
        train=dataclasses.replace(params.train, chunks=(1, 2), workers=0, threads=1),
        augmentation=dataclasses.replace(params.augmentation, input_size=63, crop_border=16),
        targets=dataclasses.replace(params.targets, max_objects=8),
    )


def _paper(settings: Settings) -> tuple[Params, int]:
    params = _without_ends(load_params("paper"))
    return (quick_params(params), QUICK_CATEGORIES) if settings.quick else (params, CATEGORIES)


def _with(params: Params, **train: object) -> Params:
    return dataclasses.replace(params, train=dataclasses.replace(params.train, **train))


def _without_ends(params: Params) -> Params:
    return _with(params, iterations=NEVER, log_every=NEVER, checkpoint_every=NEVER)


def _trainer(params: Params, categories: int, settings: Settings) -> Trainer:
    return Trainer(params, categories, 0, None, Group(), settings.device)


def _demo_samples(params: Params, root: Path, quick: bool) -> tuple[TrainingSamples, int]:
    """The demo's training split, generated as `cornernet download` does."""
    shapes = params.data.shapes
    assert shapes is not None  # the demo's source
    files = params.data.splits["train"]
    count = 8 if quick else shapes.images["train"]
    generate_shapes(root, {"train": files}, dataclasses.replace(shapes, images={"train": count}))
    split = load_split(root, files, "train")
    samples = TrainingSamples(split, None, params.augmentation, params.targets, params.data, seed=0)
    return samples, len(split.category_ids)


def _require_same_step(
    trainer: Trainer, plain: PlainLoop, chunks: dict[int, Chunk], record: Record
) -> None:
    """Both start from the same weights: their first losses and gradients agree."""
    loss = plain.gradients(chunks)
    terms, _ = trainer.step(repeat(chunks))
    record.check(require_equal("first loss", terms[0, 0].item(), loss, SAME_LOSS * abs(loss)))
    ours, baseline = (
        torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
        for model in (trainer.model, plain.model)
    )
    apart = ((ours - baseline).norm() / baseline.norm()).item()
    record.check(require_equal("first gradients, relative distance", apart, 0, SAME_GRADIENTS))


def _require_same_loss(trainers: dict[str, Trainer], chunk: Chunk) -> str:
    """The losses of one chunk in two networks that start from the same weights."""
    losses = []
    for trainer in trainers.values():
        with training_settings(trainer.params.train):
            losses.append(trainer.losses(trainer.model, chunk).total.item())
    return require_equal("first loss", losses[0], losses[1], SAME_LOSS_BF16 * abs(losses[1]))


def _time_steps(trainers: dict[str, Trainer], settings: Settings, record: Record) -> None:
    """Time steps of two trainers, made input in memory, beside a convolution in bf16."""
    one = next(iter(trainers.values()))
    chunks = {
        number: made_chunk(one.params, one.losses.num_categories, images).to(settings.device)
        for number, images in enumerate(one.params.train.chunks)
    }
    record.check(_require_same_loss(trainers, chunks[0]))

    def step(trainer: Trainer) -> None:
        with training_settings(trainer.params.train):
            trainer.step(repeat(chunks))

    convolve, convolved = convolution(torch.bfloat16, settings)
    forms = {name: partial(step, trainer) for name, trainer in trainers.items()}
    times = time_in_turn(forms | {CONVOLUTION: convolve}, STEP_WINDOW, settings)
    images, work = _describe(one.params, one.losses.num_categories, record)
    record.window(STEP_WINDOW)
    for name in trainers:
        record.add("a step", name, times[name], "s")
        record.add("a step", name, rates(images, times[name]), "images/s")
    first = next(iter(trainers))
    share = ratios(rates(work, times[first]), rates(convolved, times[CONVOLUTION]))
    record.add("a step", f"{first}: of the convolution's rate", share, "share")


def _describe(params: Params, categories: int, record: Record) -> tuple[int, int]:
    """Images and floating-point operations of a step; what else a step is goes to the record."""
    images, size = sum(params.train.chunks), params.augmentation.input_size
    cost = network_cost(params.model, categories, (size, size), last_only=False)
    work = PASSES * images * cost.operations
    record.sizes(chunks=list(params.train.chunks), pixels=size, categories=categories)
    record.sizes(operations_per_step=work, deterministic=params.train.deterministic)
    return images, work
