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
from cornernet.detection.padding import Placement

BATCHES_AHEAD = 3  # read before the network asks for them; bounds the memory


def prepared_batches(
    split: CocoSplit, size_multiple: int, params: Detection, mode: Mode, device: torch.device
) -> Generator[tuple[list[int], list[PreparedImage]], None, None]:
    """Batches of images with canvases of the same sizes at all scales: their ids, and they.

    At most `params.batch_size` images, but one on the CPU: there a convolution of 2 images may
    differ from one of 16 in the last bit, and larger batches hardly save time. Images are read in
    threads, a few batches before they are needed. Raises BadInput for one that cannot be read.
    """
    places = [
        placements_of(image.height, image.width, size_multiple, params, mode)
        for image in split.images
    ]
    batches = _batches_of_one_size(split, places, 1 if device.type == "cpu" else params.batch_size)

    def read(batch: list[int]) -> list[PreparedImage]:
        prepared = []
        for at in batch:
            image = split.images[at]
            pixels = read_image(split.folder / image.file_name, image.width, image.height)
            prepared.append(prepare_image(pixels, places[at], split.boxes[at]))
        return prepared

    waiting: deque[Future[list[PreparedImage]]] = deque()
    with ThreadPoolExecutor(params.threads, "read") as readers:
        try:
            for number, batch in enumerate(batches):
                for later in batches[number + len(waiting) : number + 1 + BATCHES_AHEAD]:
                    waiting.append(readers.submit(read, later))
                yield [split.images[at].id for at in batch], waiting.popleft().result()
        finally:
            readers.shutdown(cancel_futures=True)


def _batches_of_one_size(
    split: CocoSplit, places: Sequence[tuple[Placement, ...]], together: int
) -> list[list[int]]:
    """Positions of up to `together` images whose canvases have the same sizes at all scales."""

    def canvases(at: int) -> list[tuple[int, int]]:
        return [placement.padded for placement in places[at]]

    order = sorted(range(len(places)), key=lambda at: (canvases(at), split.images[at].id))
    batches = []
    for _, group in groupby(order, key=canvases):
        same = list(group)
        batches += [same[start : start + together] for start in range(0, len(same), together)]
    return batches
