"""A test image keeps its resolution and is padded with zeros (section 4.2).

`Placement` says where the image lies in its padded canvas, the network's input. With it boxes in
cells of the heatmap are converted back to pixels of the image.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cornernet.data.sampling.geometry import crop_image, resize_image

STRIDE = 4  # pixels of the network's input per cell of its heatmaps


@dataclass(frozen=True)
class Placement:
    """Where a resized image lies in its padded canvas. Pairs are (height, width) in pixels."""

    scale: float  # resized over original
    size: tuple[int, int]  # of the resized image
    padded: tuple[int, int]  # of the canvas
    start: tuple[int, int]  # first row and column of the canvas that the image fills
    lose_last_row: bool  # the released code's quirk, see `place`

    @property
    def end(self) -> tuple[int, int]:
        """One past the last row and column of the canvas that the image fills."""
        height, width = (
            side - (self.lose_last_row and side == room)
            for side, room in zip(self.size, self.padded, strict=True)
        )
        return self.start[0] + height, self.start[1] + width

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the heatmaps."""
        return (self.padded[0] + 1) // STRIDE, (self.padded[1] + 1) // STRIDE

    @property
    def ratio(self) -> tuple[float, float]:
        """Cells per pixel of the canvas, (vertical, horizontal); a little over 1/4."""
        return self.cells[0] / self.padded[0], self.cells[1] / self.padded[1]


def place(
    height: int, width: int, scale: float, size_multiple: int, lose_last_row: bool
) -> Placement:
    """Place an image of height x width pixels, resized by `scale`, in the middle of its canvas.

    Sides of the canvas are the next k * size_multiple - 1 (511 is 4 x 128 - 1), which all of the
    network's halvings divide. `lose_last_row` repeats a fault of the released code, which copies an
    even number of rows and columns: an image that fills its canvas loses the last one.
    """
    size = max(1, int(height * scale)), max(1, int(width * scale))
    rows, columns = ((side // size_multiple + 1) * size_multiple - 1 for side in size)
    start = rows // 2 - size[0] // 2, columns // 2 - size[1] // 2
    return Placement(scale, size, (rows, columns), start, lose_last_row)


def pad_image(image: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """Resize and pad an image [H, W, 3]; returns a new canvas [h, w, 3], black around the image."""
    height, width = placement.size
    if image.shape[:2] != placement.size:
        image = resize_image(image, placement.size)
    return crop_image(
        image, placement.padded, (width // 2, height // 2), lose_odd_row=placement.lose_last_row
    )


def unmirror_boxes(
    boxes: NDArray[np.float32], placement: Placement, mirror: Literal["pixel", "continuous"]
) -> NDArray[np.float32]:
    """Boxes [n, 4] found in the mirrored canvas, in cells, as they lie in the canvas itself.

    `continuous` is x' = W - x with W cells, as in the released code. `pixel` undoes the flip that
    the network was trained with, x' = w - 1 - x in pixels of a canvas w = W / ratio wide:
    x' = W - ratio - x in cells. They differ by one pixel.
    """
    width = np.float32(placement.cells[1])
    if mirror == "pixel":
        width -= np.float32(placement.ratio[1])
    unmirrored = boxes.copy()
    unmirrored[:, [0, 2]] = width - boxes[:, [2, 0]]
    return unmirrored


def to_image(boxes: NDArray[np.float32], placement: Placement) -> NDArray[np.float32]:
    """Boxes [n, 4] in cells, as boxes in pixels of the original image, cut at its borders."""
    # float32 throughout, which is what the released code computes in
    ratio = np.array(placement.ratio[::-1] * 2, dtype=np.float32)
    start = np.array(placement.start[::-1] * 2, dtype=np.float32)
    limit = np.array(placement.size[::-1] * 2, dtype=np.float32)
    return np.clip(boxes / ratio - start, np.float32(0), limit) / np.float32(placement.scale)
