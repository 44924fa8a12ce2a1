"""`cornernet detect`: boxes in images and videos, drawn and as JSON, in COCO's format or as CSV."""

import argparse
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cornernet.data.coco.dataset import Category
from cornernet.data.coco.images import read_any_image
from cornernet.detection.drawing import draw_detections
from cornernet.errors import BadInput
from cornernet.files import replacing
from cornernet.library.detections import ImageDetections, table_of
from cornernet.library.detector import Detector, load_detector
from cornernet.library.media import Medium, frames_of, media_of
from cornernet.progress import Progress, say


@dataclass(frozen=True)
class ImageResult:
    """An image and what was found in it; `height` and `width` in pixels."""

    path: Path
    height: int
    width: int
    found: ImageDetections


def run(options: argparse.Namespace) -> int:
    """Print the boxes of all images, and write pictures and the boxes of videos.

    Returns 0; 1 if some files could not be read, each of which was told; 2 if none could.
    """
    together = options.batch_size
    size = [] if together is None else [f"detection.batch_size={together}"]
    detector = load_detector(options.weights, options.device, [*options.set, *size])
    media = list(dict.fromkeys(media_of(options.inputs, options.out)))
    places = _places(media, options.out)
    videos = [one for one in media if one.is_video]
    images = [one for one in media if not one.is_video]
    tested = list(_in_images(detector, images, places, options))
    if tested:
        boxes = sum(len(one.found) for one in tested)
        pictures = f", pictures in {options.out}" if options.pictures else ""
        say(f"images: {len(tested)}, boxes: {boxes}{pictures}")
        print(FORMATS[options.format](tested, detector.description.categories))
    done = [_in_video(detector, one.path, places[one], options.threshold) for one in videos]
    read = len(tested) + sum(done)
    return 0 if read == len(media) else 1 if read else 2


def _in_images(
    detector: Detector,
    images: Sequence[Medium],
    places: dict[Medium, Path],
    options: argparse.Namespace,
) -> Iterator[ImageResult]:
    """What is found in each image that can be read; pictures are drawn on the way."""
    read: deque[tuple[Medium, NDArray[np.uint8]]] = deque()  # and not yet tested
    names = [category.name for category in detector.description.categories]

    def pixels() -> Iterator[NDArray[np.uint8]]:
        for one in images:
            try:
                read.append((one, read_any_image(one.path)))
            except BadInput as error:
                say(f"passed over: {error}")
                continue
            yield read[-1][1]

    with Progress("detect", len(images)) as progress:
        for found in detector.stream(pixels(), options.threshold):
            one, image = read.popleft()
            height, width = image.shape[:2]
            if options.pictures:
                picture = draw_detections(image, found, names, options.threshold)
                with replacing(places[one]) as temporary:
                    temporary.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
            progress.update()
            yield ImageResult(one.path, height, width, found)


def _in_video(detector: Detector, path: Path, target: Path, threshold: float) -> bool:
    """Write a line of JSON for each frame to `target`; returns whether the video could be read."""
    boxes = read = 0
    try:
        promised, frames = frames_of(path)
        with (
            replacing(target) as temporary,
            temporary.open("w", encoding="utf-8") as stream,
            Progress(path.name, promised or None, "frame") as progress,
        ):
            for found in detector.stream(frames, threshold):
                stream.write(json.dumps({"frame": read, "boxes": _boxes(found)}) + "\n")
                read, boxes = read + 1, boxes + len(found)
                progress.update()
            if not read:
                raise BadInput(f"{path}: no frame can be read; convert it to MP4 with H.264")
    except BadInput as error:
        say(f"passed over: {error}")
        return False
    lacking = f" of the {promised} that its header promises" if read < promised else ""
    say(f"{path}: {boxes} boxes in {read} frames{lacking}, {target}")
    return True


def _places(media: Sequence[Medium], folder: Path) -> dict[Medium, Path]:
    """Where the picture of each image goes, and a video's boxes, in sub-folders as they lie in.

    A number tells files of the same name apart.
    """
    places: dict[Medium, Path] = {}
    taken: set[Path] = set()
    for one in media:
        suffix = ".jsonl" if one.is_video else ".png"
        target, number = folder / one.place.with_suffix(suffix), 2
        while target in taken:
            target = target.with_name(f"{one.place.stem}-{number}{suffix}")
            number += 1
        places[one] = target
        taken.add(target)
    return places


def _boxes(found: ImageDetections) -> list[dict[str, Any]]:
    """Each box with its category's name and id, the best first."""
    return [
        {"category": name} | {key: row[key] for key in ("category_id", "bbox", "score")}
        for name, row in zip(found.names.tolist(), found.to_coco(0), strict=True)
    ]


def _as_json(tested: Sequence[ImageResult], categories: Sequence[Category]) -> str:
    return json.dumps({str(one.path): _boxes(one.found) for one in tested}, indent=1)


def _as_coco(tested: Sequence[ImageResult], categories: Sequence[Category]) -> str:
    """A data set in COCO's format, whose annotations have a score; ids count from 1."""
    rows = [row for number, one in enumerate(tested, 1) for row in one.found.to_coco(number)]
    return json.dumps(
        {
            "images": [
                {"id": n, "file_name": str(one.path), "width": one.width, "height": one.height}
                for n, one in enumerate(tested, 1)
            ],
            "categories": [{"id": one.id, "name": one.name} for one in categories],
            "annotations": [
                {"id": n, **row, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0}
                for n, row in enumerate(rows, 1)
            ],
        }
    )


def _as_csv(tested: Sequence[ImageResult], categories: Sequence[Category]) -> str:
    return table_of((str(one.path), one.found) for one in tested).to_csv(index=False).rstrip("\n")


FORMATS: dict[str, Callable[[Sequence[ImageResult], Sequence[Category]], str]] = {
    "json": _as_json,
    "coco": _as_coco,
    "csv": _as_csv,
}
