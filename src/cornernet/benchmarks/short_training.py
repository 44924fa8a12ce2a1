"""Short trainings on real images, without files: what `precision` and `small_training` compare."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.made_chunks import quick_params
from cornernet.benchmarks.photos import made_photos
from cornernet.config.schema import Params, SplitFiles
from cornernet.data.coco.split import CocoSplit, load_split
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.model.losses import LossTerms
from cornernet.training.processes import Processes
from cornernet.training.settings import training_settings
from cornernet.training.signals import StopRequest
from cornernet.training.trainer import Trainer

# 384 pixels less one, as 511 is 512 less one: maps of 96 x 96 cells, halved four times.
INPUT_SIZE = 383
CHUNKS = (16,)  # one: a network that is compiled is compiled once
LEARNING_RATE = 5e-4
LATE = 0.8  # of the time, after which the rate drops
QUICK_PHOTO = (48, 60)  # height, width


@dataclass(frozen=True)
class Curve:
    """How a short training went."""

    losses: tuple[float, ...]  # the total of each iteration
    gradient_norms: tuple[float, ...]  # L2, of each iteration
    seconds: float


def mid_size(conditions: Conditions, **train: object) -> Params:
    """A mid-size hourglass for small sets: two stacks of five resolutions, 20 million parameters.

    `train`: values of the section that differ.
    """
    params = conditions.params
    if conditions.quick:
        params = quick_params(params)
    else:
        params = dataclasses.replace(
            params,
            model=dataclasses.replace(
                params.model,
                dims=(96, 128, 160, 192, 256),
                modules=(1, 1, 1, 1, 2),
                stem_channels=64,
                pool_channels=96,
            ),
            augmentation=dataclasses.replace(
                params.augmentation, input_size=INPUT_SIZE, crop_border=96
            ),
        )
    chunks = params.train.chunks if conditions.quick else CHUNKS
    changed = dataclasses.replace(
        params.train,
        **{
            "chunks": chunks,
            "learning_rate": LEARNING_RATE,
            "log_every": 10**9,
            "checkpoint_every": 10**9,
            **train,
        },  # type: ignore[arg-type]
    )
    return dataclasses.replace(params, train=changed)


def real_split(conditions: Conditions, name: str, folder: Path) -> tuple[CocoSplit, str]:
    """A split of the blood-cell set, or made photographs where it is absent or too much (quick)."""
    root = conditions.data / "bccd"
    files = SplitFiles("images", f"annotations/instances_{name}.json")
    if conditions.quick or not (root / files.annotations).is_file():
        return made_photos(folder, QUICK_PHOTO, 4), "made photographs"
    return load_split(root, files, name), f"bccd, {name}"


def new_trainer(
    params: Params, split: CocoSplit, device: str, report: Callable[[str], None]
) -> Trainer:
    """An untrained network of the split's categories, drawn from seed 0."""
    return Trainer.create(params, len(split.category_ids), 0, None, Processes(), device, report)


def follow(
    trainer: Trainer,
    split: CocoSplit,
    seconds: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> Curve:
    """Train to `train.iterations`, or until `seconds` of `clock` have passed since the first.

    With `seconds`, the learning rate is divided by ten once four fifths of them have passed.
    """
    params = trainer.params
    samples = TrainingSamples(split, None, params.augmentation, params.targets, params.data, 0)
    rows, norms, began = [], [], 0.0
    with training_settings(params.train), closing(trainer.chunks(samples)) as source:
        for number in _iterations(trainer):
            terms, _ = trainer.step(source, StopRequest())
            rows.append(terms)
            norms.append(trainer.gradients.vector.norm())
            if number == 0:
                began = clock()  # compilation and the loader's start lie before
                continue
            passed = clock() - began
            if passed > seconds:
                break
            if passed > LATE * seconds and not trainer.params.train.learning_rate_drops:
                trainer.params = _with_drop(trainer.params, trainer.iteration)
        rows.append(trainer.terms.read())
        taken = clock() - began
    total = LossTerms._fields.index("total")
    return Curve(
        tuple(torch.cat(rows)[:, total].tolist()),
        tuple(torch.stack(norms).double().cpu().tolist()),
        taken,
    )


def _with_drop(params: Params, iteration: int) -> Params:
    train = dataclasses.replace(params.train, learning_rate_drops=(iteration,))
    return dataclasses.replace(params, train=train)


def _iterations(trainer: Trainer) -> Iterator[int]:
    yield from range(trainer.params.train.iterations - trainer.iteration)
