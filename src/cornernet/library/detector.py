"""Finds objects in images with the model of a weights file."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray

from cornernet.data.coco.images import read_any_image
from cornernet.detection.detector import Detections, placements_of
from cornernet.detection.network import Network, as_network
from cornernet.detection.predict import predict_images
from cornernet.errors import BadInput
from cornernet.library.description import Description, read_description
from cornernet.library.detections import ImageDetections
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights

# A file's path, or pixels [H, W, 3] in BGR, as OpenCV has them.
Image = str | Path | NDArray[np.uint8]
THRESHOLD = 0.3


@dataclass(frozen=True)
class Detector:
    """A trained model, ready to find objects; `description` says what it was trained for."""

    description: Description
    network: Network
    device: torch.device

    @overload
    def __call__(self, images: Image, threshold: float = THRESHOLD) -> ImageDetections: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(
        self, images: Iterable[Image], threshold: float = THRESHOLD
    ) -> list[ImageDetections]: ...

    def __call__(
        self, images: Image | Iterable[Image], threshold: float = THRESHOLD
    ) -> ImageDetections | list[ImageDetections]:
        """What scores `threshold` or more in an image, or in each image of a list.

        The boxes are those that `cornernet predict` finds at a single scale (section 4.2). Raises
        BadInput for what is no image, and when the device's memory does not suffice.
        """
        if isinstance(images, str | Path) or (isinstance(images, np.ndarray) and images.ndim != 4):
            return next(self.stream([images], threshold))
        return list(self.stream(images, threshold))

    def stream(
        self, images: Iterable[Image], threshold: float = THRESHOLD
    ) -> Iterator[ImageDetections]:
        """What is found in each image in turn; images are read when they are needed.

        On a GPU neighbours of one size go through the network together, `detection.batch_size` at
        most; on a CPU each alone, as in `cornernet predict`.
        """
        if not 0 <= threshold <= 1:
            raise BadInput(f"threshold {threshold}: scores lie between 0 and 1; give one of these")
        model, detection = self.description.model, self.description.detection
        together = 1 if self.device.type == "cpu" else detection.batch_size
        for _, alike in groupby(map(as_pixels, images), key=self._canvas):
            while batch := list(islice(alike, together)):
                with _threads(detection.threads):
                    found = predict_images(self.network, model, batch, detection, self.device)
                yield from (self._best_first(each, threshold) for each in found)

    def _canvas(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """Height and width of the network's input for an image."""
        height, width = image.shape[:2]
        multiple, detection = self.description.model.size_multiple, self.description.detection
        return placements_of(height, width, multiple, detection, "single_scale")[0].padded

    def _best_first(self, found: Detections, threshold: float) -> ImageDetections:
        order = np.argsort(-found.scores, kind="stable")
        kept = order[found.scores[order] >= threshold]
        return ImageDetections(
            found.boxes[kept],
            found.scores[kept],
            found.categories[kept],
            self.description.categories,
            self.description.detection.score_decimals,
        )


def load_detector(
    weights: Path, device: str | None = None, overrides: Iterable[str] = ()
) -> Detector:
    """The detector of a weights file; see `cornernet.load`."""
    return detector_of(weights, read_description(weights, overrides), device)


def detector_of(weights: Path, description: Description, device: str | None = None) -> Detector:
    """A detector with the tensors of a weights file, whatever the file says of itself.

    Raises BadInput for tensors that are not those of the described network, and for a device that
    is not there; without one it is the GPU if there is one.
    """
    where = _usable(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    with torch.device("meta"):  # no weights are drawn that the file's replace
        model = CornerNet(len(description.categories), description.model)
    load_weights(weights, model)
    network = as_network(model.to(where), description.detection.precision)
    return Detector(description, network, where)


def _usable(name: str) -> torch.device:
    """The device of that name. Raises BadInput unless this machine has it."""
    try:
        device = torch.device(name)
        if device.type in ("cpu", "cuda"):
            torch.empty(0, device=device)
            return device
    except (RuntimeError, AssertionError):  # a torch without CUDA asserts that it has it
        pass
    raise BadInput(f"no device {name!r} here; give cpu, or with a GPU cuda or cuda:1")


def as_pixels(image: Any) -> NDArray[np.uint8]:
    """An image as pixels.  uint8 [H, W, 3], BGR

    Raises BadInput for a file that is no image, and for what is neither path nor array.
    """
    if isinstance(image, str | Path):
        return read_any_image(Path(image))
    if not isinstance(image, np.ndarray):
        raise BadInput(
            f"an image must be a file's path or an array of numpy, not {type(image).__name__}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise BadInput(f"an image must be [height, width, 3], not {list(image.shape)}")
    whole = image.astype(np.uint8)
    if not np.array_equal(image, whole):
        raise BadInput(f"an image must hold whole numbers from 0 to 255, not {image.dtype}")
    return whole


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """As many threads as `cornernet predict` computes with: another number rounds differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
