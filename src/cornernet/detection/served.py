"""A trained model as MLflow serves it: images in, a table of detections out.

MLflow calls `_load_pyfunc` of this module, by its name in the model's files; so the `cornernet`
package must be installed where a model is loaded.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cornernet.config.load import checked
from cornernet.data.coco.images import decode_any_image
from cornernet.errors import BadInput
from cornernet.library.description import Description
from cornernet.library.detections import COLUMNS as OF_DETECTIONS
from cornernet.library.detections import table_of
from cornernet.library.detector import Detector, Image, detector_of

# The files of a model: its tensors, and its `Description` as it was tested last.
WEIGHTS, SETTINGS = "weights.safetensors", "settings.json"
COLUMNS = {"image": "int64", **OF_DETECTIONS}
INLINE = "data:"  # RFC 2397


@dataclass(frozen=True)
class Served:
    """A model ready to be used."""

    detector: Detector

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Detections in images, as `cornernet detect --threshold 0` finds them (section 4.2).

        `model_input`: an image, a list of images, or a table with one column of them. An image is a
        file's path, a `data:` URL with base64, or an array [H, W, 3] of uint8, BGR as OpenCV has
        it. Returns one row per detection: the image's position in the input, the category's name
        and id, the box's left, top, width and height in pixels, the score; image by image, the best
        first. Raises BadInput for what is no image.
        """
        images = map(_decoded, _images(model_input))
        return table_of(enumerate(self.detector.stream(images, threshold=0))).astype(COLUMNS)


def _decoded(image: Any) -> Image:
    """An image in one of the ways that `Served.predict` takes, as a detector takes it."""
    if isinstance(image, str) and image.startswith(INLINE):
        try:
            decoded = base64.b64decode(image.partition(",")[2], validate=True)
        except ValueError:
            raise BadInput("an image's data: URL is not base64; encode the file's bytes") from None
        return decode_any_image(decoded, Path(image[:40]))
    return image if isinstance(image, str | Path) else np.asarray(image)


def _images(model_input: Any) -> Iterable[Any]:
    """The images of any input that MLflow hands over."""
    if hasattr(model_input, "columns"):  # a table
        if len(model_input.columns) != 1:
            raise BadInput(f"a table of images has one column, not {len(model_input.columns)}")
        return list(model_input.iloc[:, 0])
    if isinstance(model_input, str | Path) or getattr(model_input, "ndim", 0) == 3:
        return [model_input]
    return list(model_input)


def _load_pyfunc(path: str) -> Served:
    """The model whose files lie in the folder `path`."""
    settings = checked(Description, json.loads((Path(path) / SETTINGS).read_text()))
    return Served(detector_of(Path(path) / WEIGHTS, settings))
