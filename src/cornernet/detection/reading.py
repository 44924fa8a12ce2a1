"""Test images, read in threads a few batches before the network needs them."""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

import torch

from cornernet.config.schema import Detection, Mode
from cornernet.data.coco.images import read_image
from cornernet.data.coco.split import CocoSplit
from cornernet.detection.detector import PreparedImage, placements_of, prepare_image

BATCHES_AHEAD = 3  # read before the network asks for them; bounds the memory


def batches_of_one_size(
    split: CocoSplit, size_multiple: int, params: Detection, mode: Mode, together: int
) -> list[tuple[int, ...]]:
    """Positions of up to `together` images whose canvases have the same sizes at all scales."""

    def canvases(at: int) -> tuple[tuple[int, int], ...]:
        image = split.images[at]
        placements = placements_of(image.height, image.width, size_multiple, params, mode)
        return tuple(placement.padded for placement in placements)

    order = sorted(range(len(split.images)), key=lambda at: (canvases(at), split.images[at].id))
    batches = []
    for _, group in groupby(order, key=canvases):
        same = tuple(group)
        starts = range(0, len(same), together)
        batches += [same[start : start + together] for start in starts]
    return batches


def read_prepared(
    split: CocoSplit,
    at: int,
    size_multiple: int,
    params: Detection,
    mode: Mode,
    with_objects: bool = False,
) -> PreparedImage:
    """The image at position `at`, ready for the network at each scale of `mode`.

    `with_objects`: together with its annotated boxes. Raises BadInput if it cannot be read.
    """
    image = split.images[at]
    pixels = read_image(split.folder / image.file_name, image.width, image.height)
    placements = placements_of(image.height, image.width, size_multiple, params, mode)
    return prepare_image(pixels, placements, split.boxes[at] if with_objects else None)


def prepared_batches(
    split: CocoSplit,
    size_multiple: int,
    params: Detection,
    mode: Mode,
    device: torch.device,
    with_objects: bool = False,
) -> Generator[tuple[tuple[int, ...], list[PreparedImage]], None, None]:
    """Batches of images with canvases of the same sizes: their positions in the split, and they.

    At most `params.batch_size` images, but one on the CPU: there a convolution of 2 images may
    differ from one of 16 in the last bit, and larger batches hardly save time. Images are read in
    threads, a few batches before they are needed. Raises BadInput for one that cannot be read.
    """
    together = 1 if device.type == "cpu" else params.batch_size
    batches = batches_of_one_size(split, size_multiple, params, mode, together)

    def read(batch: Sequence[int]) -> list[PreparedImage]:
        return [read_prepared(split, at, size_multiple, params, mode, with_objects) for at in batch]

    waiting: deque[Future[list[PreparedImage]]] = deque()
    with ThreadPoolExecutor(params.threads, "read") as readers:
        try:
            for number, batch in enumerate(batches):
                for later in batches[number + len(waiting) : number + 1 + BATCHES_AHEAD]:
                    waiting.append(readers.submit(read, later))
                yield batch, waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
