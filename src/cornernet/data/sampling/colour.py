"""What a training image's colours go through: jitter, PCA lighting, normalising (section 4.1).

Each step is affine in a pixel's blue, green and red:

    brightness  v -> a v
    contrast    v -> a v + (1 - a) m           m: mean of the grey image before any step, a scalar
    saturation  v -> a v + (1 - a) g           g: the pixel's own grey before any step
    lighting    v -> v + E (e * alpha)         [20]'s PCA: eigenvectors E, eigenvalues e
    normalise   v -> (v - mean) / std

and g = w . v0 is linear in the untouched pixel v0. So all of them together are one 3 x 4 matrix
on v0; only the scalar m looks at the rest of the image, and m = w . (mean of v0). A whole image
then takes one pass. The released code scales its grey image in place while it blends saturation;
contrast uses the mean taken before, so that changes no number.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

# Of COCO's training images, blue, green, red in [0, 1] [code db/coco.py:39-46].
MEAN_BGR = np.array([0.40789654, 0.44719302, 0.47026115])
STD_BGR = np.array([0.28863828, 0.27408164, 0.27809835])
PCA_EIGENVALUES = np.array([0.2141788, 0.01817699, 0.00341571])
PCA_EIGENVECTORS = np.array(
    [
        [-0.58752847, -0.69563484, 0.41340352],
        [-0.5832747, 0.00994535, -0.81221408],
        [-0.56089297, 0.71832671, 0.41158938],
    ]
)
GREY_BGR = np.array([0.114, 0.587, 0.299])  # luma of ITU-R BT.601, as cv2.COLOR_BGR2GRAY

# A strip of this many rows stays in the processor's cache between the three passes over it. Over
# the whole image their large buffers, taken and given back each time, cost most of the time.
ROWS_AT_ONCE = 64

JITTERS = ("brightness", "contrast", "saturation")


def jitter(
    transform: NDArray[np.float64], steps: Sequence[tuple[str, float]], grey_mean: float
) -> NDArray[np.float64]:
    """Follow `transform`, [3, 4] from the untouched pixel in [0, 1], by some of `JITTERS` in order.

    A transform is a matrix and, in its last column, what is added; `np.eye(3, 4)` changes nothing.
    A step is (name, a); a = 1 leaves all as it is. Nothing is clipped. `grey_mean` is m.
    """
    for name, amount in steps:
        transform = amount * transform
        if name == "contrast":
            transform[:, 3] += (1 - amount) * grey_mean
        elif name == "saturation":
            transform[:, :3] += (1 - amount) * GREY_BGR
    return transform


def lighting(transform: NDArray[np.float64], alphas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Follow `transform` by a shift along the principal components, `alphas` [3] of each."""
    shift = PCA_EIGENVECTORS @ (PCA_EIGENVALUES * alphas)
    return np.column_stack([transform[:, :3], transform[:, 3] + shift])


def normalise(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Follow `transform` by subtracting the mean and dividing by the standard deviation."""
    centred = np.column_stack([transform[:, :3], transform[:, 3] - MEAN_BGR])
    return centred / STD_BGR[:, None]


def grey_mean(image: NDArray[np.uint8]) -> float:
    """Mean of the grey image in [0, 1]; by linearity, the grey of the mean pixel."""
    return float(GREY_BGR @ cv2.mean(image)[:3]) / 255


def apply_transform(
    image: NDArray[np.uint8], transform: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Apply a transform [3, 4] of pixels in [0, 1] to an image of bytes.

    uint8 [H, W, 3] -> float32 [3, H, W]

    Right to 1e-4, usually to 1e-6: where every entry off the diagonal is below a float's epsilon,
    OpenCV takes all of them for zero.
    """
    matrix = transform / np.array([255.0, 255.0, 255.0, 1.0])
    planes = np.empty((3, *image.shape[:2]), np.float32)
    for start in range(0, len(image), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        pixels = cv2.transform(image[rows].astype(np.float32), matrix)  # [rows, W, 3]
        cv2.split(pixels, list(planes[:, rows]))  # in place; a transposed copy is slower
    return planes
