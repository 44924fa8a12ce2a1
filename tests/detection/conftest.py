"""One split of drawn rectangles; and one thread: the maps of these tests are too small for more."""

import cv2
import pytest
from detection.detection_case import SIZES, draw_rectangles, split_of


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Six images of several sizes, and of three sizes of canvas; ids out of order."""
    folder = tmp_path_factory.mktemp("images")
    images = {identity: draw_rectangles(*size, identity) for identity, size in SIZES.items()}
    for identity, (pixels, _, _) in images.items():
        cv2.imwrite(str(folder / f"{identity:06d}.png"), pixels)
    return split_of(folder, images)


@pytest.fixture(autouse=True, scope="module")
def _quick(one_thread):
    pass
