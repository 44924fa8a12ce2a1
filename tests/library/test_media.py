"""Every suffix that is taken for an image's is of a kind that OpenCV reads."""

import cv2
import pytest
from library.library_case import noise

from cornernet.data.coco.images import IMAGE_SUFFIXES, read_any_image

LIKE = {".jfif": ".jpg", ".ras": ".sr"}  # the same format under another name


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_it_is_read(tmp_path, suffix):
    image = noise(0)[..., :1] if suffix in (".pbm", ".pgm") else noise(0)
    (tmp_path / f"a{suffix}").write_bytes(cv2.imencode(LIKE.get(suffix, suffix), image)[1])
    assert read_any_image(tmp_path / f"a{suffix}").shape == (60, 90, 3)
