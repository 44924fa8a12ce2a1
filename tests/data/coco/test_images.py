"""Images are read right, or refused with a line that says why."""

import os

import cv2
import numpy as np
import pytest
from data.coco.small_dataset import damaged, encoded, with_exif_orientation

from cornernet.data.coco.decoder_messages import decoder_messages
from cornernet.data.coco.images import (
    MISSING,
    OTHER_SIZE,
    TRUNCATED,
    UNDECODABLE,
    UnusableImage,
    is_truncated,
    read_any_image,
    read_image,
)

HEIGHT, WIDTH = 48, 80


@pytest.fixture
def picture():
    """A smooth picture without any symmetry.  uint8 [48, 80, 3]"""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


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
    np.testing.assert_array_equal(image, read_any_image(path))


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_tag_is_applied_unless_the_declared_size_is_without_it(
    tmp_path, picture, orientation, square
):
    """As `imread` does in the released code; a half turn and a square leave no other choice."""
    path = tmp_path / "a.jpg"
    plain = encoded(picture[:, :HEIGHT] if square else picture, ".jpg")
    path.write_bytes(with_exif_orientation(plain, orientation))
    stored, turned = cv2.imdecode(np.frombuffer(plain, np.uint8), 1), cv2.imread(str(path))
    height, width = turned.shape[:2]
    np.testing.assert_array_equal(read_image(path, width, height), turned)
    np.testing.assert_array_equal(read_any_image(path), turned)
    if not square and orientation < 5:
        refused = refusal(path, height, width)
        assert (refused.kind, refused.detail) == (OTHER_SIZE, "80 x 48, not 48 x 80")
    elif not square:
        np.testing.assert_array_equal(read_image(path, WIDTH, HEIGHT), stored)


def test_a_damaged_jpeg_is_told_by_its_name_where_no_check_told_it_before(tmp_path, picture, capfd):
    for number, spoil in enumerate((damaged, lambda jpeg: jpeg[:-200] + b"\xff\xd9")):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(spoil(encoded(picture, ".jpg")))
        image = read_image(path, WIDTH, HEIGHT)
        assert capfd.readouterr() == ("", "")
        np.testing.assert_array_equal(read_any_image(path), image)
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"{path}: damaged, a part may be wrong (Corrupt JPEG data")


def test_what_others_print_while_an_image_is_decoded_is_not_lost(capfd):
    with decoder_messages() as damage:
        os.write(2, b"libpng warning: iCCP: known\nanother program\nCorrupt JPEG data: bad\n")
    assert damage == ["Corrupt JPEG data: bad"]
    assert capfd.readouterr().err == "another program\n"


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
    for content in (b"", b"<html>not found</html>", b"\0\0\0\x18ftypheic\0\0\0\0mif1"):
        path.write_bytes(content)
        refused = refusal(path)
        assert (refused.kind, refused.detail) == (UNDECODABLE, f"begins with {content[:16]!r}")
