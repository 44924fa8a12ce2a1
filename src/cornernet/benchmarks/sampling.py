"""From a JPEG of 640 x 480 pixels to a training sample, beside what that is made of.

The released sampler cannot be run here, so the yardsticks are two that can: decoding the JPEG,
which it does too and which nobody can leave out; and the same augmentation done step after step,
as it does it. The aim is in multiples of decoding: the released sampler took 10.0 ms of which 1.5
were decoding, a third of that is 2.2 times decoding.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.photos import made_photos, photos_of_coco
from cornernet.benchmarks.record import Claim, Measurement, Result, timed, times_as_fast
from cornernet.benchmarks.timing import Spread, Times, time_in_turn
from cornernet.config.schema import Params
from cornernet.data.coco.images import read_image
from cornernet.data.coco.split import CocoSplit
from cornernet.data.sampling import colour, geometry
from cornernet.data.sampling.augment import RandomView, draw
from cornernet.data.sampling.chunks import chunk_of
from cornernet.data.sampling.radii import radius_table
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.training.staging import corner_targets

SIZE = (480, 640)  # height, width
PHOTOS = 16
QUICK_PHOTOS = 2
DECODING, STEPS = "decoding alone", "step after step"
AIM = 2.2
CHUNK = 5  # images of the paper's chunks, whose heatmaps are drawn at once


def run(conditions: Conditions) -> Result:
    """Time whole samples of some photographs, in one process with one thread as a worker has."""
    count = QUICK_PHOTOS if conditions.quick else PHOTOS
    window = conditions.window(rounds=30, seconds=20)
    with _photos(conditions, count) as (split, origin), _one_thread():
        samples, plain = _samples(split, conditions.params), PlainSampler(split, conditions.params)
        numbers = range(len(samples))
        check = _check(samples, plain)
        sides = {
            "ours": partial(_each, partial(samples.sample, 0), numbers),
            STEPS: partial(_each, partial(plain.image, 0), numbers),
            DECODING: partial(_each, plain.decoded, numbers),
        }
        times = {
            name: Times(tuple(value / len(numbers) for value in taken.seconds))
            for name, taken in time_in_turn(sides, window).items()
        }
        drawing = _time_heatmaps(samples, conditions)
    return Result(
        measurements=(*timed("an image", times), drawing),
        claims=(
            Claim(
                "an image", f"ours / {DECODING}", times["ours"].ratio(times[DECODING]), AIM, False
            ),
            times_as_fast("an image", times, STEPS, None),
        ),
        checks=(check,),
        notes=(origin, "every image is decoded anew, none is kept; times are for one image"),
        sizes={"photographs": len(numbers), "height": SIZE[0], "width": SIZE[1]},
        window=window,
    )


class PlainSampler:
    """The image of a sample as one would make it: a pass over the whole image for every step."""

    def __init__(self, split: CocoSplit, params: Params) -> None:
        self._split, self._params = split, params

    def decoded(self, number: int) -> NDArray[np.uint8]:
        """uint8 [H, W, 3]"""
        image = self._split.images[number]
        return read_image(self._split.folder / image.file_name, image.width, image.height)

    def image(self, epoch: int, number: int) -> NDArray[np.float32]:
        """float32 [3, S, S], of the draws that `TrainingSamples` makes for seed 0."""
        pixels = self.decoded(number)
        params = self._params.augmentation
        rng = np.random.default_rng(np.random.SeedSequence((0, epoch, number)))
        draws = draw(rng, pixels.shape[0], pixels.shape[1], params)
        view = (params.input_size, params.input_size)
        size = geometry.crop_size(view, draws.scale)
        cropped = geometry.crop_image(pixels, size, draws.centre, params.lose_odd_row)
        resized = geometry.resize_image(cropped, view)
        if draws.flip:
            resized = np.ascontiguousarray(resized[:, ::-1])
        return _coloured(resized, draws)


def _coloured(image: NDArray[np.uint8], draws: RandomView) -> NDArray[np.float32]:
    """Jitter, lighting and normalising of section 4.1, each a pass.  float32 [3, H, W]"""
    values = image.astype(np.float32) / 255
    grey = cv2.cvtColor(values, cv2.COLOR_BGR2GRAY)
    for name, amount in draws.jitters:
        values *= amount
        if name == "contrast":
            values += (1 - amount) * float(grey.mean())
        elif name == "saturation":
            values += (1 - amount) * grey[:, :, None]
    values += (colour.PCA_EIGENVECTORS @ (colour.PCA_EIGENVALUES * draws.lighting)).astype(
        np.float32
    )
    values -= colour.MEAN_BGR.astype(np.float32)
    values /= colour.STD_BGR.astype(np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _each(make: Callable[[int], object], numbers: range) -> None:
    """Make one after the other and keep none: 16 images at once would be fresh memory each time."""
    for number in numbers:
        make(number)


def _samples(split: CocoSplit, params: Params) -> TrainingSamples:
    """As training makes them, but no image stays in memory."""
    radii = radius_table(split, params.targets)["radius_exact"].to_numpy()
    data = dataclasses.replace(params.data, keep_crowd=True, keep_empty=True)
    return TrainingSamples(
        split, radii, params.augmentation, params.targets, data, seed=0, cache_bytes=0
    )


def _check(samples: TrainingSamples, plain: PlainSampler) -> str:
    numbers = range(len(samples))
    ours = np.stack([samples.sample(0, number).image for number in numbers])
    theirs = np.stack([plain.image(0, number) for number in numbers])
    return require_same("images, in deviations of colour", ours, theirs, tolerance=1e-4)


def _time_heatmaps(samples: TrainingSamples, conditions: Conditions) -> Measurement:
    """Both heatmaps of a chunk's images, drawn in one operation where the training draws them."""
    numbers = [number % len(samples) for number in range(CHUNK)]
    chunk = chunk_of([samples.sample(0, number) for number in numbers]).to(conditions.device)
    categories = max(1, int(chunk.category.max()) + 1) if conditions.quick else 80
    targets = partial(corner_targets, chunk, categories, conditions.params.targets)
    times = time_in_turn({"ours": targets}, conditions.window(rounds=15, seconds=5))["ours"]
    spread = Spread.of([1000 * value / CHUNK for value in times.seconds])
    return Measurement("an image", "heatmaps, drawn in training", spread)


@contextlib.contextmanager
def _photos(conditions: Conditions, count: int) -> Iterator[tuple[CocoSplit, str]]:
    """Photographs of COCO where they are at hand, else made ones; and a note on which."""
    found = photos_of_coco(conditions.data / "coco_mini", SIZE, count)
    if found is not None:
        yield found, "photographs of COCO's train2017"
        return
    with tempfile.TemporaryDirectory() as folder:
        yield made_photos(Path(folder), SIZE, count), "made photographs: COCO's are not at hand"


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
