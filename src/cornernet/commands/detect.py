"""`cornernet detect`: boxes in any image, drawn and as JSON."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.dataset import read_dataset
from cornernet.data.coco.images import IMAGE_SUFFIXES, read_any_image
from cornernet.detection.drawing import draw_detections
from cornernet.detection.network import as_network
from cornernet.detection.predict import coco_results, predict_image
from cornernet.errors import BadInput
from cornernet.files import replacing
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights, num_categories
from cornernet.options import params_of
from cornernet.pipeline.paths import Paths


def run(options: argparse.Namespace) -> None:
    """Write a picture of each image, with its boxes, and print all boxes as JSON."""
    params = resolve_variant(params_of(options, shipped=True), options.variant)
    count = num_categories(options.weights)
    names = _category_names(params, count)
    model = CornerNet(count, params.model)
    load_weights(options.weights, model)
    images = list(_images(options.images))
    _refuse_unusable(images)  # before anything is written
    options.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(params.detection.threads)
    network = as_network(model.to(device), params.detection.precision)
    boxes_of: dict[str, list[dict[str, Any]]] = {}
    for path, picture_path in zip(images, _picture_paths(images, options.out), strict=True):
        image = read_any_image(path)
        detections = predict_image(
            network, params.model, image, params.detection, "single_scale", device
        )
        picture = draw_detections(image, detections, list(names.values()), options.score)
        with replacing(picture_path) as temporary:
            temporary.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        rows = coco_results(detections, 0, list(names), params.detection.score_decimals)
        boxes_of[str(path)] = [
            {"category": names[row["category_id"]]}
            | {key: row[key] for key in ("category_id", "bbox", "score")}
            for row in rows
            if row["score"] >= options.score
        ]
        print(f"{path}: {len(boxes_of[str(path)])} boxes, {picture_path}", file=sys.stderr)
    print(json.dumps(boxes_of, indent=1))


def _refuse_unusable(paths: Sequence[Path]) -> None:
    """Raise BadInput with one line per image that cannot be read."""
    problems: list[str] = []
    for path in paths:
        try:
            read_any_image(path)
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)


def _picture_paths(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Where the picture of each image goes; a number tells images of the same name apart."""
    targets: list[Path] = []
    for path in paths:
        name, number = f"{path.stem}.png", 2
        while folder / name in targets:
            name, number = f"{path.stem}-{number}.png", number + 1
        targets.append(folder / name)
    return targets


def _images(paths: Sequence[Path]) -> Iterator[Path]:
    """The images named, and those in the folders named."""
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
            if not inside:
                raise BadInput(f"{path}: no image in this folder ({', '.join(IMAGE_SUFFIXES)})")
            yield from inside
        else:
            yield path


def _category_names(params: Params, count: int) -> dict[int, str]:
    """Names of the categories by id: of dataset.json, or "category 1", ... before `prepare`.

    Raises BadInput if dataset.json has another number of categories than the weights.
    """
    dataset = Paths(params.profile).dataset
    if not dataset.is_file():
        return {number: f"category {number}" for number in range(1, count + 1)}
    categories = read_dataset(dataset).categories
    if len(categories) != count:
        raise BadInput(
            f"the weights know {count} categories, {dataset} has {len(categories)}; "
            "give the --profile that the weights were trained with"
        )
    return {category.id: category.name for category in categories}
