"""Where a training image's pixels and boxes go: crop, resize, clip, flip (section 4.1).

Every function is pure and is given its random draws. Sizes are (height, width) in pixels, points
(x, y); boxes are float64 [n, 4], x1 y1 x2 y2 in pixels of the image they belong to.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]  # height, width
Point = tuple[int, int]  # x, y


def crop_size(view: Size, scale: float) -> Size:
    """Size of the crop that is resized to `view`; at least one pixel."""
    return max(1, int(view[0] * scale)), max(1, int(view[1] * scale))


def centre_range(side: int, border: int) -> tuple[int, int]:
    """Least coordinate of a crop's centre along a side of `side` pixels, and one past the largest.

    The centre keeps `border` pixels from the image's border; in an image too small for that the
    border is halved until there is room.
    """
    divisor = 1
    while side - border // divisor <= border // divisor:
        divisor *= 2
    return border // divisor, side - border // divisor


def crop_image(
    image: NDArray[np.uint8], size: Size, centre: Point, lose_odd_row: bool = False
) -> NDArray[np.uint8]:
    """Cut `size` pixels around `centre`; what lies outside the image is black.

    A crop starts half its size, rounded down, before its centre; it may exceed the image, uint8
    [H, W, 3]. `lose_odd_row`: as in the released code, which copies as much after the centre as
    before, the last row (column) of an odd height (width) stays black.
    """
    cropped = np.zeros((*size, image.shape[2]), image.dtype)
    rows, columns = (
        _overlap(length, side, middle, lose_odd_row)
        for length, side, middle in zip(size, image.shape[:2], centre[::-1], strict=True)
    )
    cropped[rows[0], columns[0]] = image[rows[1], columns[1]]
    return cropped


def _overlap(length: int, side: int, middle: int, lose_odd: bool) -> tuple[slice, slice]:
    """Along one axis: what of the crop is filled, and from which part of the image."""
    start = middle - length // 2
    stop = start + (2 * (length // 2) if lose_odd else length)
    first, last = max(start, 0), min(stop, side)
    return slice(first - start, last - start), slice(first, last)


def crop_boxes(boxes: NDArray[np.float64], size: Size, centre: Point) -> NDArray[np.float64]:
    """Boxes in the pixels of the crop, still reaching beyond it."""
    left, top = centre[0] - size[1] // 2, centre[1] - size[0] // 2
    return boxes - np.array([left, top, left, top], np.float64)


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize bilinearly, without smoothing where it shrinks, as the released code does."""
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def resize_boxes(boxes: NDArray[np.float64], before: Size, after: Size) -> NDArray[np.float64]:
    """Boxes of an image of size `before` in the same image at size `after`."""
    across, down = after[1] / before[1], after[0] / before[0]
    return boxes * np.array([across, down, across, down], np.float64)


def clip_boxes(
    boxes: NDArray[np.float64], size: Size
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Clip boxes to the pixels of an image, [0, width - 1] x [0, height - 1]; drop empty ones.

    A box that keeps any width and height is kept, however little of the object it shows: the
    text does not say otherwise, and the released code has no test of visibility. Returns the boxes
    that are left [k, 4], their places among those given [k], and whether each was changed [k].
    """
    limits = np.array([size[1] - 1, size[0] - 1] * 2, np.float64)
    clipped = np.clip(boxes, 0, limits)
    kept = np.flatnonzero((clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1]))
    return clipped[kept], kept, (clipped[kept] != boxes[kept]).any(axis=1)


def flip_boxes(boxes: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Boxes of the mirrored image: pixel x becomes pixel width - 1 - x."""
    last = width - 1
    return np.stack([last - boxes[:, 2], boxes[:, 1], last - boxes[:, 0], boxes[:, 3]], axis=1)
