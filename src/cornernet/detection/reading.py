"""Test images, read in threads a few batches before the network needs them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

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


def read_ahead(
    pool: ThreadPoolExecutor,
    read: Callable[[Sequence[int]], list[PreparedImage]],
    batches: Sequence[Sequence[int]],
) -> Iterator[list[PreparedImage]]:
    """What `read` returns for each batch, in order; called in threads, a few batches ahead."""
    waiting: deque[Future[list[PreparedImage]]] = deque()
    try:
        for batch in batches:
            waiting.append(pool.submit(read, batch))
            if len(waiting) > BATCHES_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
