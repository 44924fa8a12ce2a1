"""A trained model as MLflow serves it: images in, a table of detections out.

MLflow calls `_load_pyfunc` of this module, by its name in the model's files; so the `cornernet`
package must be installed where a model is loaded.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from cornernet.config.load import section_from
from cornernet.config.schema import Detection, Model
from cornernet.data.coco.images import decode_any_image, read_any_image
from cornernet.detection.network import as_network
from cornernet.detection.predict import coco_results, predict_image
from cornernet.errors import BadInput
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights

# The files of a model.
WEIGHTS, SETTINGS = "weights.safetensors", "settings.json"
COLUMNS = {
    "image": "int64",
    "category": "object",
    "category_id": "int64",
    **dict.fromkeys(("x", "y", "width", "height", "score"), "float64"),
}
INLINE = "data:"  # RFC 2397


@dataclass(frozen=True)
class Served:
    """A model ready to be used; `categories` as in a COCO annotation file, in order."""

    model: CornerNet
    params: Model
    detection: Detection
    categories: list[dict[str, Any]]
    device: torch.device

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Detections in images, as `cornernet detect --score 0` finds them (section 4.2).

        `model_input`: an image, a list of images, or a table with one column of them. An image is a
        file's path, a `data:` URL with base64, or an array [H, W, 3] of uint8, BGR as OpenCV has
        it. Returns one row per detection: the image's position in the input, the category's name
        and id, the box's left, top, width and height in pixels, the score; image by image, the best
        first. Raises BadInput for what is no image.
        """
        names = {int(category["id"]): str(category["name"]) for category in self.categories}
        settings, network = self.detection, as_network(self.model)
        rows = []
        with _threads(settings.threads):
            for number, image in enumerate(map(as_pixels, _images(model_input))):
                found = predict_image(
                    network, self.params, image, settings, "single_scale", self.device
                )
                for one in coco_results(found, number, list(names), settings.score_decimals):
                    category = one["category_id"]
                    rows.append((number, names[category], category, *one["bbox"], one["score"]))
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def as_pixels(image: Any) -> NDArray[np.uint8]:
    """An image in one of the ways that `Served.predict` takes.  uint8 [H, W, 3], BGR"""
    if isinstance(image, str) and image.startswith(INLINE):
        try:
            decoded = base64.b64decode(image.partition(",")[2], validate=True)
        except ValueError:
            raise BadInput("an image's data: URL is not base64; encode the file's bytes") from None
        return decode_any_image(decoded, Path(image[:40]))
    if isinstance(image, str | Path):
        return read_any_image(Path(image))
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise BadInput(f"an image must be [height, width, 3], not {list(pixels.shape)}")
    whole = pixels.astype(np.uint8)
    if not np.array_equal(pixels, whole):
        raise BadInput(f"an image must hold whole numbers from 0 to 255, not {pixels.dtype}")
    return whole


def _images(model_input: Any) -> Iterable[Any]:
    """The images of any input that MLflow hands over."""
    if hasattr(model_input, "columns"):  # a table
        if len(model_input.columns) != 1:
            raise BadInput(f"a table of images has one column, not {len(model_input.columns)}")
        return list(model_input.iloc[:, 0])
    if isinstance(model_input, str | Path) or getattr(model_input, "ndim", 0) == 3:
        return [model_input]
    return list(model_input)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """As many threads as `cornernet predict` computes with: another number rounds differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _load_pyfunc(path: str) -> Served:
    """The model whose files lie in the folder `path`."""
    settings = json.loads((Path(path) / SETTINGS).read_text())
    params = section_from(Model, settings["model"])
    model = CornerNet(len(settings["categories"]), params)
    load_weights(Path(path) / WEIGHTS, model)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    detection = section_from(Detection, settings["detection"])
    return Served(model.to(device).eval(), params, detection, settings["categories"], device)
