"""Images are read right, or refused with a line that says why."""

import os
import struct

import cv2
import numpy as np
import pytest

from cornernet.data.coco.images import (
    MISSING,
    OTHER_SIZE,
    TRUNCATED,
    UNDECODABLE,
    UnusableImage,
    is_truncated,
    read_image,
)

HEIGHT, WIDTH = 48, 80


@pytest.fixture
def picture():
    """A smooth picture without any symmetry.  uint8 [48, 80, 3]"""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


def encoded(image, extension):
    return cv2.imencode(extension, image)[1].tobytes()


def with_exif_orientation(jpeg, orientation, thumbnail=b""):
    """`jpeg` with an EXIF segment that holds an orientation and perhaps a thumbnail."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    payload = b"Exif\0\0" + tiff + thumbnail
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def refusal(path, width=WIDTH, height=HEIGHT):
    with pytest.raises(UnusableImage) as caught:
        read_image(path, width, height)
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: {caught.value.kind[0]}")
    return caught.value


DEEP = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)


@pytest.mark.parametrize(
    ("extension", "stored", "expected"),
    [
        (".png", lambda picture: picture, lambda picture: picture),
        (".bmp", lambda picture: picture, lambda picture: picture),
        (".tiff", lambda picture: picture, lambda picture: picture),
        # Grey becomes three equal channels; alpha is dropped, not blended.
        (".png", lambda picture: picture[..., 0], lambda picture: picture[..., :1]),
        (".png", lambda picture: np.dstack([picture, 0 * picture[..., 0]]), lambda picture: picture),
        # Of 16 bits the upper 8 are kept.
        (".png", lambda _: DEEP, lambda _: DEEP >> 8),
        (".png", lambda _: DEEP[..., 0], lambda _: DEEP[..., :1] >> 8),
    ],
)  # fmt: skip
def test_colour_comes_back_as_stored(tmp_path, picture, extension, stored, expected):
    path = tmp_path / f"a{extension}"
    path.write_bytes(encoded(stored(picture), extension))
    image = read_image(path, WIDTH, HEIGHT)
    assert (image.dtype, image.shape) == (np.uint8, (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(image, np.broadcast_to(expected(picture), image.shape))


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(6, cv2.ROTATE_90_CLOCKWISE), (8, cv2.ROTATE_90_COUNTERCLOCKWISE), (3, None)],
)
def test_exif_rotation_goes_by_the_declared_size(tmp_path, picture, orientation, turn):
    """A half turn leaves the size, so it is never applied."""
    plain = encoded(picture, ".jpg")
    path = tmp_path / "a.jpg"
    path.write_bytes(with_exif_orientation(plain, orientation))
    stored = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read_image(path, WIDTH, HEIGHT), stored)
    if turn is None:
        refused = refusal(path, HEIGHT, WIDTH)
        assert (refused.kind, refused.detail) == (OTHER_SIZE, "80 x 48, not 48 x 80")
    else:
        np.testing.assert_array_equal(read_image(path, HEIGHT, WIDTH), cv2.rotate(stored, turn))


@pytest.mark.parametrize("extension", [".jpg", ".png", ".bmp", ".webp"])
@pytest.mark.parametrize("kept", [0.3, 0.999])
def test_truncated_file_is_refused(tmp_path, picture, extension, kept):
    content = encoded(picture, extension)
    path = tmp_path / f"a{extension}"
    path.write_bytes(content[: min(int(len(content) * kept), len(content) - 1)])
    told = TRUNCATED if extension in (".jpg", ".png") else UNDECODABLE
    assert refusal(path).kind == told


def test_thumbnail_does_not_hide_a_truncation(picture):
    thumbnail = encoded(picture[:8, :8], ".jpg")
    content = with_exif_orientation(encoded(picture, ".jpg"), 1, thumbnail)
    assert not is_truncated(content)
    assert is_truncated(content[:-40])


def test_a_missing_file_a_folder_and_what_is_no_image_are_refused(tmp_path):
    path = tmp_path / "a.jpg"
    assert refusal(path).kind == MISSING
    os.mkfifo(tmp_path / "pipe")  # whose reading would wait for a writer for ever
    for other in (tmp_path, tmp_path / "pipe"):
        assert (refusal(other).kind, refusal(other).detail) == (UNDECODABLE, "not a regular file")
    for content in (b"", b"<html>not found</html>"):
        path.write_bytes(content)
        assert refusal(path).kind == UNDECODABLE
