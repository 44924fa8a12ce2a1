"""CornerNet: detecting objects as paired keypoints (Law and Deng, ECCV 2018), reproduced."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cornernet.library.detector import Detector

__version__ = "0.1.0"


def load(
    weights: str | Path, device: str | None = None, overrides: Iterable[str] = ()
) -> "Detector":
    """A detector from a weights file, which says itself what it finds, and with which network.

    `device` is "cpu", "cuda" or "cuda:1"; by default the GPU if there is one. `overrides` change
    how it tests, as `--set` does: ["detection.flip=false"].

        detector = cornernet.load("w.safetensors")
        found = detector("photo.jpg")  # a path, an array [H, W, 3] in BGR, or a list of them
        found.boxes, found.scores, found.names, found.to_pandas(), found.to_coco(image_id=1)

    Raises `cornernet.errors.BadInput` for a file that does not say what it is, or whose tensors are
    not those of the network that it names.
    """
    from cornernet.library.detector import load_detector  # with torch

    return load_detector(Path(weights), device, overrides)
