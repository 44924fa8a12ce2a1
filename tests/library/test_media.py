"""Every suffix that is taken for an image's or a video's is of a kind that can be read."""

import cv2
import numpy as np
import pytest
from library.library_case import noise, write_video

from cornernet.data.coco.images import IMAGE_SUFFIXES, read_any_image
from cornernet.library.media import VIDEO_SUFFIXES, opened_video

LIKE = {".jfif": ".jpg", ".ras": ".sr"}  # the same format under another name


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_images(tmp_path, suffix):
    image = noise(0)[..., :1] if suffix in (".pbm", ".pgm") else noise(0)
    (tmp_path / f"a{suffix}").write_bytes(cv2.imencode(LIKE.get(suffix, suffix), image)[1])
    assert read_any_image(tmp_path / f"a{suffix}").shape == (60, 90, 3)


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_videos(tmp_path, suffix):
    write_video(tmp_path / "a.avi", 3).rename(tmp_path / f"b{suffix}")  # told by the content
    with opened_video(tmp_path / f"b{suffix}") as video:
        frames = list(video.frames)
    assert video.count == len(frames) == 3
    assert all(frame.shape == (60, 90, 3) and frame.dtype == np.uint8 for frame in frames)
