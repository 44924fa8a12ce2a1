"""Training samples: an augmented image of the split, and the numbers that its targets need.

A sample depends on (seed, epoch, index) alone, never on the worker, the device or a restart. A
chunk is the samples that one GPU of the paper's run had per iteration: batch-norm's statistics are
taken per chunk, so its size belongs to the method (`train.chunks`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cornernet.config.schema import Augmentation, Data, Targets
from cornernet.data.coco.images import read_image
from cornernet.data.coco.split import CocoSplit
from cornernet.data.sampling.augment import ViewBoxes, augment, draw
from cornernet.data.sampling.radii import object_radius
from cornernet.data.sampling.targets import corner_cells
from cornernet.errors import BadInput

# Key that keeps the random streams of the epochs' orders apart from those of the samples.
ORDER_STREAM = 1


class Sample(NamedTuple):
    """One view of one image, with k objects. Cells are of the heatmap, points are (x, y)."""

    image: NDArray[np.float32]  # [3, S, S], blue green red, normalised
    category: NDArray[np.int64]  # [k]
    tl_cell: NDArray[np.int64]  # [k, 2]
    br_cell: NDArray[np.int64]  # [k, 2]
    tl_offset: NDArray[np.float32]  # [k, 2], in cells
    br_offset: NDArray[np.float32]  # [k, 2]
    radius: NDArray[np.float32]  # [k], in cells


class Chunk(NamedTuple):
    """B samples with K object slots each, of which `mask` says which are filled.

    A tuple, so that torch's DataLoader can put it into page-locked memory.
    """

    image: Tensor  # float32 [B, 3, S, S]
    category: Tensor  # int64 [B, K]
    tl_cell: Tensor  # int64 [B, K, 2]
    br_cell: Tensor  # int64 [B, K, 2]
    tl_offset: Tensor  # float32 [B, K, 2]
    br_offset: Tensor  # float32 [B, K, 2]
    radius: Tensor  # float32 [B, K]
    mask: Tensor  # bool [B, K]

    def to(self, device: torch.device | str) -> "Chunk":
        """The same chunk on a device; from pinned memory the copies overlap with other work."""
        return Chunk(*(tensor.to(device, non_blocking=True) for tensor in self))


class TrainingSamples:
    """The samples of a split: `sample(epoch, index)` for index 0 to `len(self)` - 1.

    `radii` at scale 1, in pixels, are of every annotation in the split's order (the rows of
    `radii.radius_table`); None: all are computed from the boxes. Crowd boxes are objects if
    `data.keep_crowd`, images without a box of some width and height are used if `data.keep_empty`.
    Raises BadInput if no image is left to train on, or if `radii` are of other annotations.
    """

    def __init__(
        self,
        split: CocoSplit,
        radii: NDArray[np.float64] | None,
        augmentation: Augmentation,
        targets: Targets,
        data: Data,
        seed: int,
    ) -> None:
        counts = [len(boxes.ids) for boxes in split.boxes]
        if radii is not None and len(radii) != sum(counts):
            raise BadInput(
                f"radii of {split.name}: {len(radii)} for {sum(counts)} annotations; "
                "compute them again with `cornernet radii`"
            )
        self._augmentation = augmentation
        self._targets = targets
        self._seed = seed
        self._folder = split.folder
        self._images = split.images
        # One array for all images: worker processes share it until someone writes.
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._boxes = np.concatenate([one.boxes for one in split.boxes])
        self._categories = np.concatenate([one.categories for one in split.boxes])
        self._radii = radii
        self._trained = data.keep_crowd | ~np.concatenate([one.crowd for one in split.boxes])
        # Of an image, whether it has a box that is trained on.
        objects = self._trained & (self._boxes[:, 2:] > self._boxes[:, :2]).all(axis=1)
        numbers = np.arange(len(counts))
        has_object = np.isin(numbers, np.repeat(numbers, counts)[objects])
        self._used = np.flatnonzero(data.keep_empty | has_object)
        if len(self._used) == 0:
            raise BadInput(
                f"{split.name}: no image left to train on "
                f"(keep_crowd: {data.keep_crowd}, keep_empty: {data.keep_empty})"
            )

    def __len__(self) -> int:
        """Images in an epoch."""
        return len(self._used)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The indices in the order of an epoch: each once."""
        stream = np.random.SeedSequence((self._seed, epoch), spawn_key=(ORDER_STREAM,))
        return np.random.default_rng(stream).permutation(len(self))

    def sample(self, epoch: int, index: int) -> Sample:
        """The sample of an image in an epoch. Raises BadInput if the image cannot be read."""
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, epoch, index)))
        number = int(self._used[index])
        declared = self._images[number]
        path = self._folder / declared.file_name
        pixels = read_image(path, declared.width, declared.height)
        rows = np.arange(self._starts[number], self._starts[number + 1])
        rows = rows[self._trained[rows]]
        height, width = pixels.shape[:2]
        draws = draw(rng, height, width, self._augmentation)
        image, placed = augment(pixels, self._boxes[rows], draws, self._augmentation)
        rows = rows[placed.kept]
        radii = None if self._radii is None else self._radii[rows]
        return encode(image, placed, self._categories[rows], radii, self._targets)


def encode(
    image: NDArray[np.float32],
    placed: ViewBoxes,
    category: NDArray[np.int64],
    radii: NDArray[np.float64] | None,
    targets: Targets,
) -> Sample:
    """The sample of a view: cells, offsets and radii of its first `max_objects` objects.

    `image` is [3, S, S'], `category` and `radii` are of each of its boxes [k]; the latter at scale
    1, in pixels of the image before augmentation, or None.
    """
    size = (image.shape[1], image.shape[2])
    output = ((size[0] + 1) // 4, (size[1] + 1) // 4)
    down, across = output[0] / size[0], output[1] / size[1]
    boxes = placed.boxes[: targets.max_objects]
    tl_cell, tl_offset = corner_cells(boxes[:, :2], size, output)
    br_cell, br_offset = corner_cells(boxes[:, 2:], size, output)
    stored = None
    if radii is not None and down == across:  # one factor serves both sides of a box
        stored = radii[: targets.max_objects] * (placed.scale * across)
    return Sample(
        image=image,
        category=category[: targets.max_objects],
        tl_cell=tl_cell,
        br_cell=br_cell,
        tl_offset=tl_offset,
        br_offset=br_offset,
        radius=object_radius(
            (boxes[:, 3] - boxes[:, 1]) * down,
            (boxes[:, 2] - boxes[:, 0]) * across,
            targets,
            stored,
            placed.clipped[: targets.max_objects],
        ),
    )


def chunk_of(samples: Sequence[Sample]) -> Chunk:
    """Stack samples; K is the most objects that one of them has, at least 1.

    Empty slots are 0.
    """

    def padded(arrays: Sequence[NDArray]) -> Tensor:
        one_slot = np.zeros((1, *arrays[0].shape[1:]), arrays[0].dtype)  # so that K is at least 1
        tensors = [torch.from_numpy(array) for array in (*arrays, one_slot)]
        return pad_sequence(tensors, batch_first=True)[:-1]

    images, *columns = zip(*samples, strict=True)
    mask = padded([np.ones(len(sample.category), bool) for sample in samples])
    return Chunk._make([torch.from_numpy(np.stack(images)), *map(padded, columns), mask])
