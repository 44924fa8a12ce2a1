"""Tests a network on a split, or on single images."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cornernet.config.schema import Detection, Mode, Model
from cornernet.data.coco.images import read_image
from cornernet.data.coco.split import CocoSplit
from cornernet.detection.detector import (
    GROUND_TRUTH_MODES,
    Candidates,
    Detections,
    PreparedImage,
    choose_detections,
    find_candidates,
    placements_of,
    prepare_image,
)
from cornernet.detection.network import Network
from cornernet.detection.padding import Placement
from cornernet.errors import BadInput

BATCHES_AHEAD = 3  # read before the network asks for them; bounds the memory


def predict_split(
    network: Network,
    model_params: Model,
    split: CocoSplit,
    params: Detection,
    mode: Mode,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Detections of all images of `split`, as COCO results: by image id, the best first.

    Images go through the network in the batches of `prepared_batches`; everything else is done per
    image, so the batch size can change nothing but the rounding of the network's sums. Soft-NMS is
    run in a thread while the network runs. `progress` is told images done, and images in all.

    Raises BadInput for images that cannot be read, when the device's memory does not suffice, and
    when `mode` needs annotations that the split does not have.
    """
    if mode in GROUND_TRUTH_MODES and not any(len(boxes.ids) for boxes in split.boxes):
        raise BadInput(
            f"mode {mode} puts the annotated corners in place of heatmaps, but split {split.name} "
            "has no annotations; test it on another split"
        )
    batches = prepared_batches(split, model_params.size_multiple, params, mode, device)

    def finish(image_id: int, candidates: Candidates) -> list[dict[str, Any]]:
        found = choose_detections(candidates, params, mode)
        return coco_results(found, image_id, split.category_ids, params.score_decimals)

    progress(0, len(split.images))
    results: dict[int, Future[list[dict[str, Any]]]] = {}
    with closing(batches), ThreadPoolExecutor(1, "choose") as finisher:
        last: list[Future[list[dict[str, Any]]]] = []
        for ids, images in batches:
            found = find_candidates(network, images, params, mode, device)
            wait(last)  # for soft-NMS of the last batch, which ran while the network did
            last = [finisher.submit(finish, *each) for each in zip(ids, found, strict=True)]
            results.update(zip(ids, last, strict=True))
            progress(len(results), len(split.images))
    return [result for image_id in sorted(results) for result in results[image_id].result()]


def predict_images(
    network: Network,
    model_params: Model,
    images: Sequence[NDArray[np.uint8]],
    params: Detection,
    device: torch.device,
) -> list[Detections]:
    """Detections in images [H, W, 3] (BGR) at a single scale, as `choose_detections` has them.

    Their canvases must be of one size. Raises BadInput when the device's memory does not suffice.
    """
    mode: Mode = "single_scale"
    prepared = []
    for image in images:
        height, width = image.shape[:2]
        placements = placements_of(height, width, model_params.size_multiple, params, mode)
        prepared.append(prepare_image(image, placements))
    found = find_candidates(network, prepared, params, mode, device)
    return [choose_detections(candidates, params, mode) for candidates in found]


def coco_results(
    found: Detections, image_id: int, category_ids: Sequence[int], decimals: int | None
) -> list[dict[str, Any]]:
    """Detections of an image as COCO results, the best first.

    Boxes and scores are rounded to `decimals` places, which makes scores tie. With None they are
    not rounded: each is written with the fewest digits that give the same float32.
    """
    order = np.argsort(-found.scores, kind="stable")
    boxes, scores = found.boxes[order], found.scores[order]
    sides = boxes[:, 2:] - boxes[:, :2]
    if decimals is None:  # a box without extent, averaged, can come out a rounding error below 0
        sides = np.maximum(sides, np.float32(0))
    values = np.concatenate([boxes[:, :2], sides, scores[:, None]], axis=1)  # [n, 5]
    if decimals is None:
        rows = values.astype(str).astype(np.float64).tolist()
    else:  # Python's round is right to the last bit, as formatting with %.2f is; numpy's is not
        rows = [[round(value, decimals) for value in row] for row in values.tolist()]
    return [
        {
            "image_id": image_id,
            "category_id": int(category_ids[category]),
            "bbox": row[:4],
            "score": row[4],
        }
        for category, row in zip(found.categories[order].tolist(), rows, strict=True)
    ]


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
