"""Draws the embedded data set's images, in integers alone so that they are the same everywhere.

The four categories touch their box in the middle of its sides, or nearly so, and have nothing at
its corners: a corner can be found only by looking along the sides, which corner pooling does.
"""

import struct

import numpy as np

CATEGORIES = ("disc", "ring", "diamond", "cross")

Colour = np.ndarray  # int32 [3], BGR


class PortableRandom:
    """A stream of random numbers, given by a seed and a key, such as (split, image's index).

    NumPy promises stable streams of its bit generators and seed sequences alone, not of the methods
    of its Generator; so integers are made here from raw 64-bit words, without any floating point.
    """

    def __init__(self, seed: int, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))

    def integer(self, low: int, high: int) -> int:
        """One of low, ..., high, both included; the bias is below 2^-40 for ranges to 2^24."""
        return low + ((int(self._bits.random_raw()) * (high - low + 1)) >> 64)

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred draws."""
        return self.integer(0, 99) < percent

    def noise(self, height: int, width: int, channels: int) -> np.ndarray:
        """Independent values from 0 to 255.  int32 [height, width, channels]"""
        number = height * width * channels
        words = np.asarray(self._bits.random_raw((number + 7) // 8)).astype("<u8")
        return words.view(np.uint8)[:number].reshape(height, width, channels).astype(np.int32)


def shape_mask(category: str, width: int, height: int, thickness: int) -> np.ndarray:
    """The pixels of a shape that touches all four sides of its box.  bool [height, width]

    `thickness` (percent): of a ring's band against its half axes, of a cross's bars against the
    box. Coordinates are doubled, so that the centre of any box is an integer.
    """
    u = np.abs(2 * np.arange(width, dtype=np.int64) - (width - 1))[None, :]  # [1, width]
    v = np.abs(2 * np.arange(height, dtype=np.int64) - (height - 1))[:, None]  # [height, 1]
    if category == "disc":
        return _ellipse(u, v, width, height)
    if category == "ring":
        inner_width = width * (100 - thickness) // 100
        inner_height = height * (100 - thickness) // 100
        return _ellipse(u, v, width, height) & ~_ellipse(u, v, inner_width, inner_height)
    if category == "diamond":
        u, v = u - u.min(), v - v.min()  # from the two middle rows or columns, if there are two
        return u * v.max() + v * u.max() <= u.max() * v.max()
    return (100 * u <= thickness * width) | (100 * v <= thickness * height)  # a cross


def _ellipse(u: np.ndarray, v: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pixels within an ellipse of the given axes; u, v doubled distances from its centre."""
    return (u * height) ** 2 + (v * width) ** 2 <= (width * height) ** 2


def draw_background(draws: PortableRandom, width: int, height: int) -> tuple[np.ndarray, Colour]:
    """Gradient, blotches, lines and grain; and its mean colour.

    Returns the image, int32 [height, width, 3] from 0 to 255, and int32 [3].
    """
    image = _gradient(draws, width, height) + _blotches(draws, width, height)
    for _ in range(draws.integer(4, 12)):
        image = _with_clutter(draws, image)
    grain = draws.noise(height, width, 3) * draws.integer(8, 32) // 256 - 12
    image = np.clip(image + grain, 0, 255).astype(np.int32)
    return image, image.reshape(-1, 3).sum(axis=0) // (height * width)


def draw_object(
    draws: PortableRandom, image: np.ndarray, mask: np.ndarray, x: int, y: int, background: Colour
) -> np.ndarray:
    """A copy of `image` with the shape of `mask` at (x, y), in a colour that stands out."""
    height, width = mask.shape
    texture = _texture(draws, width, height) + draws.noise(height, width, 3) * 24 // 256 - 12
    painted = np.clip(_contrasting(draws, background) + texture, 0, 255)
    result = image.copy()
    region = result[y : y + height, x : x + width]
    region[mask] = painted[mask]
    return result


def _gradient(draws: PortableRandom, width: int, height: int) -> np.ndarray:
    """A ramp between two muted colours in a random direction.  int32 [height, width, 3]"""
    start, stop = _colour(draws, 70, 180), _colour(draws, 70, 180)
    along_x, along_y = draws.integer(-8, 8), draws.integer(-8, 8)
    ramp = along_x * np.arange(width)[None, :] + along_y * np.arange(height)[:, None]
    ramp = ramp - ramp.min()
    steps = max(int(ramp.max()), 1)
    return (start + (stop - start) * ramp[..., None] // steps).astype(np.int32)


def _blotches(draws: PortableRandom, width: int, height: int) -> np.ndarray:
    """Coarse noise, smoothed: from -strength to strength.  int32 [height, width, 3]"""
    cell, strength = draws.integer(6, 20), draws.integer(8, 32)
    rows, columns = height // cell + 2, width // cell + 2
    coarse = draws.noise(rows, columns, 3) - 128
    y, x = np.arange(height, dtype=np.int32), np.arange(width, dtype=np.int32)
    top, left = y // cell, x // cell
    down, right = (y % cell)[:, None, None], (x % cell)[None, :, None]
    upper = coarse[top][:, left] * (cell - right) + coarse[top][:, left + 1] * right
    lower = coarse[top + 1][:, left] * (cell - right) + coarse[top + 1][:, left + 1] * right
    return (upper * (cell - down) + lower * down) * strength // (128 * cell * cell)


def _with_clutter(draws: PortableRandom, image: np.ndarray) -> np.ndarray:
    """A copy of `image` with one line or wedge on it: edges and corners without a meaning."""
    height, width, _ = image.shape
    colour = _colour(draws, 40, 215)
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    x0, y0 = draws.integer(0, width - 1), draws.integer(0, height - 1)
    dx, dy = draws.integer(-24, 24), draws.integer(-24, 24)
    along = (x - x0) * dx + (y - y0) * dy
    across = (x - x0) * dy - (y - y0) * dx
    length = dx * dx + dy * dy
    within = (along >= 0) & (along <= length)
    if draws.chance(60):  # a line, one to three pixels thick
        mask = within & (4 * across**2 <= draws.integer(1, 3) ** 2 * length)
    else:  # a wedge that narrows from its base to a point
        mask = within & (draws.integer(2, 5) * np.abs(across) <= length - along)
    result = image.copy()
    result[mask] = (image[mask] + 2 * colour) // 3
    return result


def _texture(draws: PortableRandom, width: int, height: int) -> np.ndarray:
    """Stripes, squares or a ramp over an object, from -25 to 25.  int32 [height, width, 1]"""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    kind, period, strength = draws.integer(0, 3), draws.integer(3, 9), draws.integer(8, 25)
    if kind == 0:
        pattern = ((x * draws.integer(0, 2) + y) // period % 2) * 2 - 1
    elif kind == 1:
        pattern = ((x // period + y // period) % 2) * 2 - 1
    elif kind == 2:
        return ((x + y) * 2 * strength // (width + height) - strength)[..., None]
    else:
        pattern = np.zeros((height, width), np.int64)
    return (pattern * strength)[..., None]


def _contrasting(draws: PortableRandom, background: Colour, distance: int = 180) -> Colour:
    """A colour at least `distance` from the background's (sum of the three differences)."""
    for _ in range(100):
        colour = _colour(draws, 0, 255)
        if np.abs(colour - background).sum() >= distance:
            return colour
    return np.where(background < 128, 255, 0).astype(np.int32)


def _colour(draws: PortableRandom, low: int, high: int) -> Colour:
    return np.array([draws.integer(low, high) for _ in range(3)], np.int32)


def bmp(image: np.ndarray) -> bytes:
    """An image as an uncompressed 24-bit BMP, written here so that no library has a choice.

    `image`: [H, W, 3] BGR, 0 to 255. Rows go from the last to the first, filled to four bytes.
    """
    height, width, _ = image.shape
    rows = np.zeros((height, (3 * width + 3) // 4 * 4), np.uint8)
    rows[:, : 3 * width] = image[::-1].reshape(height, 3 * width)
    header = 14 + 40  # bytes of the file's header and of the image's
    resolution = 2835  # pixels per metre: 72 dpi
    fields = (header + rows.size, 0, header, 40, width, height, 1, 24, 0, rows.size)
    # The 1 above is the number of planes, 24 the bits per pixel; 0 after them: not compressed.
    head = struct.pack("<2s6I2H2I4I", b"BM", *fields, resolution, resolution, 0, 0)
    return head + rows.tobytes()
