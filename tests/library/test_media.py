"""Every suffix that is taken for an image's or a video's is of a kind that can be read."""

import cv2
import numpy as np
import pytest
from library.library_case import noise, write_video

from cornernet.data.coco.images import IMAGE_SUFFIXES, read_any_image
from cornernet.library.media import VIDEO_SUFFIXES, frames_of

LIKE = {".jfif": ".jpg", ".ras": ".sr"}  # the same format under another name


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_images(tmp_path, suffix):
    image = noise(0)[..., :1] if suffix in (".pbm", ".pgm") else noise(0)
    (tmp_path / f"a{suffix}").write_bytes(cv2.imencode(LIKE.get(suffix, suffix), image)[1])
    assert read_any_image(tmp_path / f"a{suffix}").shape == (60, 90, 3)


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_videos(tmp_path, suffix):
    write_video(tmp_path / "a.avi", 3).rename(tmp_path / f"b{suffix}")  # told by the content
    promised, frames = frames_of(tmp_path / f"b{suffix}")
    read = [(frame.shape, frame.dtype) for frame in frames]
    assert read == [((60, 90, 3), np.uint8)] * promised
    assert promised == 3
