"""The one reader of image files; it refuses what is truncated, or of another size than declared.

An image is what OpenCV's `imread` makes of it, as in the released code: grey becomes three equal
channels, alpha is dropped, of 16 bits the upper 8 are kept, the turn of an EXIF tag is applied.
"""

import contextlib
from pathlib import Path

import cv2
import numpy as np

from cornernet.data.coco.decoder_messages import decoder_messages
from cornernet.errors import BadInput
from cornernet.files import status_of_regular
from cornernet.progress import say

# Of files in a folder, which of them to take for images; in lower case.
IMAGE_SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".ras", ".sr", ".tif", ".tiff", ".webp"),
)

AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"

# Why an image cannot be used, and how to mend it.
MISSING = "no such image", "put it there, write its name as on disk, or take its entry out"
TRUNCATED = "truncated image", "copy or download the file again"
UNDECODABLE = (
    "damaged or truncated file, or not an image",
    "copy or download the file again, or save it as an 8-bit JPEG or PNG",
)
OTHER_SIZE = (
    "image of another size than its annotation file says",
    "correct 'width' and 'height', or put the right file there",
)


class UnusableImage(BadInput):
    """An image that cannot be used. `kind` is one of the pairs above, `detail` the case."""

    def __init__(self, path: Path, kind: tuple[str, str], detail: str = "") -> None:
        super().__init__(f"{path}: {kind[0]}{f' ({detail})' if detail else ''}; {kind[1]}")
        self.kind = kind
        self.detail = detail


def read_image(path: Path, width: int, height: int) -> np.ndarray:
    """Read an image that must be `width` x `height` pixels.  uint8 [H, W, 3], BGR

    If this is the size of the image without the quarter turn of its EXIF tag, the boxes are those
    of the image as stored, and the turn is left out. Raises UnusableImage, a BadInput, if the file
    is missing, truncated, no image, or of another size. Damage that leaves an image is told by
    `prepare`, and not again here.
    """
    content = read_bytes(path)
    with decoder_messages():
        return decode_image(content, path, width, height)


def read_any_image(path: Path) -> np.ndarray:
    """Read an image that no annotation file describes.  uint8 [H, W, 3], BGR

    As `read_image` does, but of any size. Damage, and more than 8 bits, are told in a line each.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such image file; check the name")
    content = read_bytes(path)
    with decoder_messages() as damage:
        image, depth = decode_any_image(content, path), depth_above_8_bits(content)
    for line in damage:
        say(f"{path}: damaged, a part may be wrong ({line})")
    if depth:
        say(f"{path}: {depth}; the upper 8 bits are kept")
    return image


def read_bytes(path: Path) -> bytes:
    """The bytes of an image file. Raises UnusableImage if it is not there or cannot be read."""
    try:
        status_of_regular(path)
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise UnusableImage(path, MISSING) from None
    except OSError as error:
        raise UnusableImage(path, UNDECODABLE, error.strerror or "cannot be read") from None


def decode_image(content: bytes, path: Path, width: int, height: int) -> np.ndarray:
    """Decode an image's bytes as `read_image` does; `path` is for messages.  uint8 [H, W, 3]"""
    image = decode_any_image(content, path)
    size = image.shape[:2]
    if size == (width, height) != (height, width):  # perhaps an EXIF rotation by a quarter turn
        image = decode_any_image(content, path, AS_STORED)
    if image.shape[:2] == (height, width):
        return image
    raise UnusableImage(path, OTHER_SIZE, f"{size[1]} x {size[0]}, not {width} x {height}")


def decode_any_image(content: bytes, path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """The image; raises UnusableImage if it is none, or lacks its end.  uint8 [H, W, 3]

    `flags` are OpenCV's; `path` is for messages.
    """
    if is_truncated(content):
        raise UnusableImage(path, TRUNCATED)
    image = None
    with contextlib.suppress(cv2.error):  # for example more pixels than OpenCV allows
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise UnusableImage(path, UNDECODABLE, f"begins with {content[:16]!r}")
    return image


def depth_above_8_bits(content: bytes) -> str:
    """ "16 bit, brightest value 172 of 65535" of an image that has these, else nothing."""
    if content.startswith(JPEG_START) or (content.startswith(PNG_START) and content[24] <= 8):
        return ""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16:
        return ""
    brightest = image.reshape(*image.shape[:2], -1)[..., :3].max()  # without alpha
    return f"16 bit, brightest value {brightest} of 65535"


def is_truncated(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: some decoders fill the rest with grey, silently."""
    if content.startswith(JPEG_START):
        return not content.endswith(JPEG_END) and not _has_jpeg_end(content)
    return content.startswith(PNG_START) and PNG_END not in content


def _has_jpeg_end(content: bytes) -> bool:
    """Whether the end marker follows the compressed pixels; a thumbnail before them has its own.

    Walks the segments of the header: FF, marker, length (two bytes, big-endian, counting itself).
    """
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xDA:  # start of scan: the compressed pixels follow its header
            return content.find(JPEG_END, position) >= 0
        if marker == 0xFF:  # a fill byte before the marker
            position += 1
        else:
            position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return False
